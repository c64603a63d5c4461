package dev.holdfast.cache.jackson;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.TypeRef;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON for records, beans, collections and {@code java.time}, in UTF-8. Unknown properties are ignored and missing ones
 * have their Java default, so that releases of an application that differ by a property read each other's entries.
 *
 * <p>The type given here decides what is built, never the data: default typing is off, and annotations that let JSON name a
 * class ({@code @JsonTypeInfo(use = CLASS)}) are refused. Closed hierarchies by {@code @JsonSubTypes} work. Nesting is
 * limited to 500 levels, a number to 1,000 digits.
 *
 * <p>Exceptions name the type and the place, never the value: no message and no cause of Jackson's is passed on, since they
 * quote what they did not understand.
 *
 * <p>Immutable; two codecs for the same type and by the same mapper are equal.
 *
 * @param <V> the type of the values
 */
public final class JacksonCodec<V> implements Codec<V> {
    private final Type type;
    private final JsonMapper mapper;
    private final ObjectReader reader;
    private final ObjectWriter writer;

    private JacksonCodec(Type type, JsonMapper mapper) {
        this.type = Objects.requireNonNull(type, "type");
        this.mapper = Objects.requireNonNull(mapper, "mapper");
        this.reader = mapper.readerFor(mapper.constructType(type));
        this.writer = mapper.writerFor(mapper.constructType(type));
    }

    /**
     * Makes a codec for a class.
     *
     * @param type the class
     * @param <V> the type of the values
     * @return the codec
     * @throws IllegalArgumentException if it is generic, as {@code List.class}: {@link #of(TypeRef)} takes its arguments
     */
    public static <V> JacksonCodec<V> of(Class<V> type) {
        return new JacksonCodec<>(complete(type), Json.MAPPER);
    }

    /**
     * Makes a codec that writes and reads JSON as an application's own mapper does: its names, modules and formats. What this class says of
     * unknown properties, of types that JSON names, and of limits, is then that mapper's to keep: one that lets JSON name classes lets whoever writes
     * to the server choose them.
     *
     * @param type the class
     * @param mapper the mapper
     * @param <V> the type of the values
     * @return the codec
     */
    public static <V> JacksonCodec<V> of(Class<V> type, JsonMapper mapper) {
        return new JacksonCodec<>(type, mapper);
    }

    /**
     * Makes a codec for a type with parameters, by an application's own mapper as {@link #of(Class, JsonMapper)}.
     *
     * @param type the type
     * @param mapper the mapper
     * @param <V> the type of the values
     * @return the codec
     */
    public static <V> JacksonCodec<V> of(TypeRef<V> type, JsonMapper mapper) {
        return new JacksonCodec<>(Objects.requireNonNull(type, "type").type(), mapper);
    }

    /**
     * Makes a codec for a type with parameters.
     *
     * @param type the type: {@code new TypeRef<List<Order>>() {}}
     * @param <V> the type of the values
     * @return the codec
     * @throws IllegalArgumentException if a generic class in it has no arguments
     */
    public static <V> JacksonCodec<V> of(TypeRef<V> type) {
        return new JacksonCodec<>(complete(Objects.requireNonNull(type, "type").type()), Json.MAPPER);
    }

    static JacksonCodec<?> ofType(Type type) {
        return new JacksonCodec<>(complete(type), Json.MAPPER);
    }

    /** Returns the type, unless {@link #requireComplete} refuses it. */
    private static Type complete(Type type) {
        requireComplete(type);
        return type;
    }

    /** Refuses a generic class without its arguments, wherever it stands: its elements would come back as maps. */
    private static void requireComplete(Type type) {
        if (type instanceof Class<?> plain) {
            TypeVariable<?>[] parameters = plain.getTypeParameters();
            if (parameters.length > 0) {
                String whole = Arrays.stream(parameters)
                        .map(TypeVariable::getName)
                        .collect(Collectors.joining(", ", plain.getSimpleName() + '<', ">"));
                throw new IllegalArgumentException(plain.getName()
                        + " does not say what it holds, which would come back as maps, lists and plain values: name it, as in new"
                        + " TypeRef<" + whole + ">() {}");
            }
            if (plain.isArray()) {
                requireComplete(plain.getComponentType());
            }
        } else if (type instanceof ParameterizedType parameterized) {
            for (Type argument : parameterized.getActualTypeArguments()) {
                requireComplete(argument);
            }
        } else if (type instanceof GenericArrayType array) {
            requireComplete(array.getGenericComponentType());
        }
    }

    @Override
    public byte[] encode(V value) {
        Objects.requireNonNull(value, "value");
        try {
            return writer.writeValueAsBytes(value);
        } catch (RuntimeException e) {
            throw new CacheCodecException(type.getTypeName() + " has no JSON form: " + kindOf(e), null);
        }
    }

    @Override
    public V decode(byte[] bytes) {
        return decode(bytes, 0, bytes.length);
    }

    @Override
    public V decode(byte[] bytes, int offset, int length) {
        V value;
        try {
            value = reader.readValue(bytes, offset, length);
        } catch (RuntimeException e) {
            throw new CacheCodecException(
                    length + " bytes are not the JSON of " + type.getTypeName() + ": " + kindOf(e), null);
        }
        if (value == null) {
            throw new CacheCodecException("JSON null is not a " + type.getTypeName(), null);
        }
        return value;
    }

    private static String kindOf(RuntimeException e) {
        StringBuilder kind = new StringBuilder(e.getClass().getSimpleName());
        if (e.getCause() != null) {
            kind.append(" caused by ").append(e.getCause().getClass().getName());
        }
        TokenStreamLocation at = e instanceof JacksonException jackson ? jackson.getLocation() : null;
        if (at != null && at.getByteOffset() >= 0) {
            kind.append(" at byte ").append(at.getByteOffset());
        }
        return kind.toString();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JacksonCodec<?> that && type.equals(that.type) && mapper == that.mapper;
    }

    @Override
    public int hashCode() {
        return type.hashCode();
    }

    @Override
    public String toString() {
        return "JacksonCodec[" + type.getTypeName() + ']';
    }
}

package dev.holdfast.cache;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.Objects;

/**
 * A type with its parameters, which a {@link Class} can't hold: {@code new TypeRef<List<Order>>() {}}. The braces matter: a
 * subclass is what remembers the parameters. Immutable.
 *
 * @param <T> the type
 */
public abstract class TypeRef<T> {
    private final Type type;

    /**
     * Remembers the type that the subclass names.
     *
     * @throws IllegalStateException if the subclass names none, or not directly
     */
    protected TypeRef() {
        if (!(getClass().getGenericSuperclass() instanceof ParameterizedType parent)
                || parent.getRawType() != TypeRef.class) {
            throw new IllegalStateException("a TypeRef names its type: new TypeRef<List<String>>() {}");
        }
        this.type = parent.getActualTypeArguments()[0];
    }

    private TypeRef(Type type) {
        this.type = Objects.requireNonNull(type, "type");
    }

    /**
     * Wraps a type that is known at run time only, as frameworks read it from a method's signature.
     *
     * @param type a class, or a parameterized type without type variables
     * @return the reference, equal to one that names the same type in braces
     */
    public static TypeRef<?> of(Type type) {
        return new Known<>(type);
    }

    private static final class Known<T> extends TypeRef<T> {
        Known(Type type) {
            super(type);
        }
    }

    /**
     * Returns the type.
     *
     * @return a class, or a parameterized type
     */
    public final Type type() {
        return type;
    }

    @Override
    public final boolean equals(Object other) {
        return other instanceof TypeRef<?> that && type.equals(that.type);
    }

    @Override
    public final int hashCode() {
        return type.hashCode();
    }

    @Override
    public final String toString() {
        return type.getTypeName();
    }
}

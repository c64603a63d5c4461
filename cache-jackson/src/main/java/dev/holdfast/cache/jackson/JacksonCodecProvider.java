package dev.holdfast.cache.jackson;

import dev.holdfast.cache.Codec;
import dev.holdfast.cache.CodecProvider;
import java.io.Serializable;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.Optional;
import java.util.Set;

/**
 * Offers a {@link JacksonCodec} for every class and parameterized type but {@link Object}, {@link Serializable} and {@link Number}, which don't say what
 * a value is: a {@code Long} that was put would come back as an {@code Integer}.
 */
public final class JacksonCodecProvider implements CodecProvider {

    private static final Set<Type> ANYTHING = Set.of(Object.class, Serializable.class, Number.class);

    /** Creates the provider; {@link java.util.ServiceLoader} does. */
    public JacksonCodecProvider() {}

    @Override
    public String name() {
        return "jackson";
    }

    @Override
    public Optional<Codec<?>> codecFor(Type type) {
        boolean known = type instanceof Class<?> || type instanceof ParameterizedType;
        return known && !ANYTHING.contains(type) ? Optional.of(JacksonCodec.ofType(type)) : Optional.empty();
    }
}

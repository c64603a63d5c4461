package dev.holdfast.cache.jackson;

import dev.holdfast.cache.Codec;
import dev.holdfast.cache.CodecProvider;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.Optional;

/** Offers a {@link JacksonCodec} for every class and parameterized type but {@link Object}, which says nothing of a value. */
public final class JacksonCodecProvider implements CodecProvider {

    /** Creates the provider; {@link java.util.ServiceLoader} does. */
    public JacksonCodecProvider() {}

    @Override
    public String name() {
        return "jackson";
    }

    @Override
    public Optional<Codec<?>> codecFor(Type type) {
        boolean known = type instanceof Class<?> || type instanceof ParameterizedType;
        return known && type != Object.class ? Optional.of(JacksonCodec.ofType(type)) : Optional.empty();
    }
}

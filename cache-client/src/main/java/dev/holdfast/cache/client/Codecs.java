package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.CodecProvider;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Finds the codec for a type: one of our own, or the one provider's that knows it. Remembers none: a type keeps the class loader of its
 * application in memory, and a client may outlive applications.
 */
final class Codecs {
    private static final Map<Type, Codec<?>> OWN = Map.of(
            String.class, Codec.string(),
            byte[].class, Codec.bytes(),
            Integer.class, Codec.integers(),
            Long.class, Codec.longs(),
            Double.class, Codec.doubles(),
            Boolean.class, Codec.booleans());

    private Codecs() {}

    /** The type and the codec's agree by {@link CodecProvider}'s contract. */
    @SuppressWarnings("unchecked")
    static <V> Codec<V> of(Type type) {
        Codec<?> own = OWN.get(type);
        return (Codec<V>) (own == null ? find(type) : own);
    }

    private static Codec<?> find(Type type) {
        StringBuilder asked = new StringBuilder();
        for (CodecProvider provider : ServiceLoader.load(CodecProvider.class, CacheClient.class.getClassLoader())) {
            Optional<Codec<?>> codec = provider.codecFor(type);
            if (codec.isPresent()) {
                return codec.get();
            }
            asked.append(asked.isEmpty() ? "" : ", ").append(provider.name());
        }
        throw new CacheConfigException("no codec for " + type.getTypeName() + ": "
                + (asked.isEmpty()
                        ? "add dev.holdfast:holdfast-cache-jackson for JSON, or give the cache a Codec"
                        : "none of the providers knows it (" + asked
                                + "), or it does not say what a value is; name the class of the values, or give the cache a"
                                + " Codec"));
    }
}

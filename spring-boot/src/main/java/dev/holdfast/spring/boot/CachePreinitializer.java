package dev.holdfast.spring.boot;

import dev.holdfast.cache.Codec;
import dev.holdfast.cache.CodecProvider;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.failover.FailoverStore;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import org.springframework.boot.autoconfigure.preinitialize.BackgroundPreinitializer;

/**
 * Loads, on Spring Boot's thread for that, what the main thread needs when it comes to the cache, some seconds later: the codec, and all
 * that calls and an outage go through, by playing one. Each is done with values of its own, and leaves nothing.
 */
final class CachePreinitializer implements BackgroundPreinitializer {

    @Override
    public void preinitialize() {
        List<Sample> samples = List.of(new Sample(1, "one"));
        TypeRef<List<Sample>> type = new TypeRef<>() {};
        for (CodecProvider provider : ServiceLoader.load(CodecProvider.class, CacheClient.class.getClassLoader())) {
            Optional<Codec<?>> found = provider.codecFor(type.type());
            if (found.isPresent()) {
                @SuppressWarnings("unchecked") // by the provider's contract
                Codec<List<Sample>> codec = (Codec<List<Sample>>) found.get();
                List<Sample> unused = codec.decode(codec.encode(samples));
                break;
            }
        }
        FailoverStore.rehearse();
    }

    /** A value as applications have them. */
    private record Sample(long number, String text) {}
}

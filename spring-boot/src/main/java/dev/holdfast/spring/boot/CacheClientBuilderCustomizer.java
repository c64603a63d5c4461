package dev.holdfast.spring.boot;

import dev.holdfast.cache.client.CacheClientBuilder;

/** Changes the client's builder after the properties have been applied to it, before it builds. Beans of this type are called in their order. */
@FunctionalInterface
public interface CacheClientBuilderCustomizer {

    /**
     * Changes the builder.
     *
     * @param builder the builder; not to be kept
     */
    void customize(CacheClientBuilder builder);
}

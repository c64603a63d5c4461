import org.jspecify.annotations.NullMarked;

/** The store in the process's own memory. */
@NullMarked
module dev.holdfast.cache.memory {
    requires static transitive org.jspecify;
    requires transitive dev.holdfast.cache;
    requires com.github.benmanes.caffeine;

    exports dev.holdfast.cache.memory;

    provides dev.holdfast.cache.spi.StoreProvider with
            dev.holdfast.cache.memory.MemoryStoreProvider;
}

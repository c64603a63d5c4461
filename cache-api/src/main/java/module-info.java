import org.jspecify.annotations.NullMarked;

/** The contracts of Holdfast: what a store implements and what an application holds. */
@NullMarked
@SuppressWarnings("module") // Those that share its parts come after it.
module dev.holdfast.cache {
    requires static transitive org.jspecify;
    requires org.slf4j;
    requires static com.github.luben.zstd_jni;

    exports dev.holdfast.cache;
    exports dev.holdfast.cache.spi;
    exports dev.holdfast.cache.internal to
            dev.holdfast.cache.client,
            dev.holdfast.cache.cluster,
            dev.holdfast.cache.failover,
            dev.holdfast.cache.memory,
            dev.holdfast.cache.micrometer,
            dev.holdfast.cache.monitor,
            dev.holdfast.cache.redis,
            dev.holdfast.cache.single,
            dev.holdfast.cache.testkit,
            dev.holdfast.cache.upstash,
            dev.holdfast.streams;
}

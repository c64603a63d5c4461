import org.jspecify.annotations.NullMarked;

/** What the three remote stores share; for them alone. */
@NullMarked
@SuppressWarnings("module") // The stores come after it.
module dev.holdfast.cache.redis {
    requires transitive dev.holdfast.cache;
    requires static transitive org.jspecify;
    requires org.slf4j;

    exports dev.holdfast.cache.redis to
            dev.holdfast.cache.single,
            dev.holdfast.cache.cluster,
            dev.holdfast.cache.upstash;
}

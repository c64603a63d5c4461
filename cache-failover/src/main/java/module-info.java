import org.jspecify.annotations.NullMarked;

/** A store made of stores: when one dies, the next answers. */
@NullMarked
module dev.holdfast.cache.failover {
    requires transitive dev.holdfast.cache;
    requires static transitive org.jspecify;
    requires io.github.resilience4j.circuitbreaker;
    requires io.github.resilience4j.core;
    requires org.slf4j;

    exports dev.holdfast.cache.failover;
}

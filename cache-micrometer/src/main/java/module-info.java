import org.jspecify.annotations.NullMarked;

/** A client's meters and spans, for Micrometer. */
@NullMarked
module dev.holdfast.cache.micrometer {
    requires static transitive org.jspecify;
    requires transitive dev.holdfast.cache.client;
    requires context.propagation;
    requires transitive micrometer.core;
    requires transitive micrometer.observation;
    requires micrometer.commons;

    exports dev.holdfast.cache.micrometer;
}

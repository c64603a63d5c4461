import org.jspecify.annotations.NullMarked;

/** What an operator asks a running process, and what it says by itself. */
@NullMarked
module dev.holdfast.cache.monitor {
    requires static transitive org.jspecify;
    requires transitive dev.holdfast.cache.client;

    exports dev.holdfast.cache.monitor;
}

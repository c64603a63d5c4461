import org.jspecify.annotations.NullMarked;

/** What an operator asks a running process, and what it says by itself. */
@NullMarked
module dev.holdfast.cache.monitor {
    requires static transitive org.jspecify;
    requires transitive dev.holdfast.cache.client;
    requires okhttp3;
    requires okio;
    requires org.slf4j;

    exports dev.holdfast.cache.monitor;

}

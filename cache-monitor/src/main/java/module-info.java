import dev.holdfast.cache.client.ClientObserver;
import dev.holdfast.cache.monitor.MonitorObserver;
import org.jspecify.annotations.NullMarked;

/** What an operator asks a running process, and what it says by itself. */
@NullMarked
module dev.holdfast.cache.monitor {
    requires static transitive org.jspecify;
    // Where alerts go by mail, which few ask for.
    requires static jakarta.mail;
    requires transitive dev.holdfast.cache.client;
    requires io.prometheus.metrics.model;
    requires io.prometheus.writer.text;
    requires okhttp3;
    requires okio;
    requires org.slf4j;

    exports dev.holdfast.cache.monitor;

    provides ClientObserver with
            MonitorObserver;
}

package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches one client: answers what is asked about it, judges its alerts and has them delivered. Started with the client where {@code
 * REDIS_MONITORING_ENABLED} is true, on the port that the settings name; {@link #handle} answers the same behind any other server. Works
 * on few threads of its own, and not on those of callers. For any number of threads.
 */
public final class Monitor implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Monitor.class);

    private final Endpoints endpoints;
    private final Watch watch;
    private final Streams streams;
    private final ScheduledThreadPoolExecutor scheduler;
    private final List<MonitorServer> servers = new ArrayList<>();

    /** {@code own} is what the settings say of the server. */
    Monitor(CacheClient client, Settings settings, MonitorSettings own, boolean listening) {
        String name = "holdfast-" + client.name() + "-monitor";
        scheduler = new ScheduledThreadPoolExecutor(1, IsolatedThreads.platform(name));
        scheduler.setRemoveOnCancelPolicy(true);
        watch = new Watch(client, settings, own.warmup(), scheduler);
        Access access = new Access(own.token(), System::nanoTime);
        endpoints = new Endpoints(client, watch.figures(), watch.alerts(), access);
        PrometheusText prometheus = new PrometheusText(client.name(), watch.timeline());
        endpoints.add("/metrics", request -> prometheus.reply(watch.figures().now()));
        streams = new Streams(watch.events());
        try {
            if (listening) {
                listen(client, name, own, access);
            }
            watch.start();
        } catch (RuntimeException | Error e) {
            closeAfter(e);
            throw e;
        }
    }

    /** Closes it after a failure, which is to be thrown whatever the closing throws. */
    private void closeAfter(Throwable failure) {
        try {
            close();
        } catch (RuntimeException | Error another) {
            if (another != failure) {
                failure.addSuppressed(another);
            }
        }
    }

    /**
     * Begins to watch a client.
     *
     * @param client the client
     * @param settings what the monitor's variables are read from
     * @return the monitor, to be closed before the client
     * @throws CacheConfigException if one of them is malformed, or the start is strict and the port can't be had
     */
    public static Monitor start(CacheClient client, Settings settings) {
        return new Monitor(client, settings, MonitorSettings.of(settings), true);
    }

    /**
     * Begins to watch a client behind somebody else's server, which hands requests to {@link #handle} and guards what is to be guarded
     * besides {@code /api/admin/}. Listens nowhere.
     *
     * @param client the client
     * @param settings what the monitor's variables are read from; those of its own server are checked and have no effect
     * @return the monitor, to be closed before the client
     * @throws CacheConfigException if one of them is malformed
     */
    public static Monitor mounted(CacheClient client, Settings settings) {
        return new Monitor(client, settings, MonitorSettings.of(settings), false);
    }

    private void listen(CacheClient client, String name, MonitorSettings own, Access access) {
        HostCheck hosts = HostCheck.of(own, access);
        int port = own.port();
        for (InetAddress address : own.addresses()) {
            try {
                servers.add(new MonitorServer(
                        name, new InetSocketAddress(address, port), hosts, scheduler, endpoints::handle, streams));
                port = servers.get(0).port();
            } catch (IOException e) {
                String what = own.unheard(address, port) + ": " + e.getMessage();
                if (own.strict()) {
                    throw new CacheConfigException(what, e);
                }
                LOG.warn("{}; the cache client {} is not monitored there", what, client.name());
            }
        }
        if (!servers.isEmpty()) {
            LOG.info("The cache client {} is monitored on http://{}:{}/", client.name(), own.hostName(), port);
        }
    }

    /**
     * Answers a request. Does no I/O but the test of a connection, which takes a second at most; the stream of events is no part of this.
     *
     * @param request the request
     * @return the answer
     */
    public Reply handle(Request request) {
        return endpoints.handle(request);
    }

    /**
     * Returns the port that is listened on.
     *
     * @return the port; empty if it could not be had
     */
    public OptionalInt port() {
        return servers.isEmpty()
                ? OptionalInt.empty()
                : OptionalInt.of(servers.get(0).port());
    }

    /** Ends server, streams and threads, within two seconds. Idempotent. */
    @Override
    public void close() {
        streams.close();
        servers.forEach(MonitorServer::close);
        watch.close();
        scheduler.shutdownNow();
    }
}

package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.redis.Address;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol.Command;

/**
 * One sentinel: it is asked where the master is, and listened to for switches, over a connection each. Thread-safe.
 *
 * @see <a href="https://redis.io/docs/latest/develop/reference/sentinel-clients/">Guidelines for clients of Sentinel</a>
 */
final class Sentinel {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final String SWITCHES = "+switch-master";
    private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** A sentinel that says nothing for so long is asked whether it is there, and given up if it says nothing for as long again. */
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final SingleConfig config;
    private final String master;
    private final Connector connector;
    private final Reserve reserve;
    private final Backoff pause = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(2));
    private final AtomicBoolean listening = new AtomicBoolean();
    private volatile boolean closed;

    /** Told what a sentinel says. */
    interface Listener {
        /** Another server is the master now. */
        void switched(Address to);

        /** It can be listened to from now on; what it said before was missed. */
        void missed();

        /** It is there, and has told of no switch for a while. */
        void nothingNew();
    }

    Sentinel(SingleConfig config, String master) {
        this.config = config;
        this.master = master;
        JedisErrors errors = new JedisErrors(config);
        this.connector = new Connector(config, errors);
        this.reserve = new Reserve(config, connector, errors);
    }

    /**
     * Begins to ask where the master is.
     *
     * @param until when the answer must have come
     * @return completed with it, or with {@code null} if it knows no master of that name; exceptionally if it does not answer
     */
    CompletableFuture<@Nullable Address> ask(long until) {
        CompletableFuture<@Nullable Address> answer = new CompletableFuture<>();
        try {
            connector.execute(() -> answer(answer, until));
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            answer.completeExceptionally(e);
        }
        return answer;
    }

    private void answer(CompletableFuture<@Nullable Address> answer, long until) {
        try {
            Request question = Request.reading(Command.SENTINEL)
                    .with("get-master-addr-by-name")
                    .with(master);
            Object reply = reserve.ask(List.of(question), until, System.nanoTime() + FRESH_NANOS)
                    .get(0);
            if (reply instanceof Refusal refusal) {
                throw refusal;
            }
            answer.complete(reply instanceof List<?> place ? address(place.get(0), place.get(1)) : null);
        } catch (RuntimeException | IOException | Error e) {
            answer.completeExceptionally(e);
        }
    }

    private static Address address(@Nullable Object host, @Nullable Object port) throws IOException {
        if (host instanceof byte[] name && port instanceof byte[] number) {
            return address(text(name), text(number));
        }
        throw new MalformedReplyException("no address");
    }

    private static Address address(String host, String port) throws IOException {
        try {
            return Address.parse((host.indexOf(':') >= 0 ? '[' + host + ']' : host) + ':' + port);
        } catch (IllegalArgumentException e) {
            throw new MalformedReplyException("no address");
        }
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Listens until it is closed, on a thread of its own, unless it does. If there is no thread now, the next call tries again. */
    void listen(Listener listener) {
        if (closed || listening.get() || !listening.compareAndSet(false, true)) {
            return;
        }
        boolean begun = false;
        try {
            connector.execute(() -> listenOn(listener));
            begun = true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            LOG.debug("no thread to listen to the sentinel {}", config.address(), e);
        } finally {
            if (!begun) {
                listening.set(false);
            }
        }
    }

    private void listenOn(Listener listener) {
        try {
            listenAgainAndAgain(listener);
        } finally {
            listening.set(false);
        }
    }

    private void listenAgainAndAgain(Listener listener) {
        while (!closed) {
            Link link = null;
            try {
                link = connector.dial();
                link.opened().get(config.connectTimeout().toNanos(), TimeUnit.NANOSECONDS);
                follow(link, listener);
            } catch (InterruptedException e) {
                return;
            } catch (Throwable e) {
                // Whatever it was: it is listened to again.
                LOG.debug("the sentinel {} can't be listened to", config.address(), e);
            } finally {
                if (link != null) {
                    connector.discard(link);
                }
            }
            pause.failed(System.nanoTime());
            LockSupport.parkNanos(pause.remaining(System.nanoTime()).toNanos());
        }
    }

    private void follow(Link link, Listener listener) throws IOException {
        Object subscribed = link.streams()
                .callAll(List.of(Request.reading(Command.SUBSCRIBE).with(SWITCHES)))
                .get(0);
        if (subscribed instanceof Refusal refusal) {
            throw refusal;
        }
        pause.succeeded();
        listener.missed();
        boolean asked = false;
        while (!closed) {
            if (link.streams().await(false, true, System.nanoTime() + QUIET_NANOS)) {
                Object message = link.read();
                if (asked) {
                    listener.nothingNew();
                }
                asked = false;
                hear(message, listener);
            } else if (asked) {
                throw new IOException("the sentinel does not answer");
            } else {
                link.streams().write(List.of(Request.reading(Command.PING)));
                link.streams().flush();
                asked = true;
            }
        }
    }

    /** {@code [message, +switch-master, "name old-host old-port host port"]}. */
    private void hear(@Nullable Object message, Listener listener) throws IOException {
        if (message instanceof List<?> parts && parts.size() == 3 && parts.get(2) instanceof byte[] payload) {
            String[] words = text(payload).split(" ", -1);
            if (words.length == 5 && words[0].equals(master)) {
                listener.switched(address(words[3], words[4]));
            }
        }
    }

    /** Ends it. */
    void close(Throwable cause) {
        closed = true;
        connector.resetBefore(connector.advance(), CloseReason.disconnected(cause));
        connector.close();
    }

    @Override
    public String toString() {
        return config.address();
    }
}

package dev.holdfast.streams;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import redis.clients.jedis.Protocol;

/** What the parts of a server share. For any number of threads. */
final class Worker {
    private static final long OVERDUE_NANOS = 1_000_000_000;

    private final StreamsConfig config;
    private final Keys keys;
    private final Redis redis;
    private final RequestHandler handler;
    private final String consumer;
    private final ServerCounters counters = new ServerCounters();
    private final Set<Held> atWork = ConcurrentHashMap.newKeySet();
    private final SickPartitions sick;
    private final Suspects suspects = new Suspects();
    private final Repetitions repetitions;
    private volatile boolean ended;

    Worker(StreamsConfig config, Redis redis, RequestHandler handler) {
        this.config = config;
        this.keys = new Keys(config);
        this.redis = redis;
        this.handler = handler;
        this.consumer = host()
                + '-'
                + ProcessHandle.current()
                        .info()
                        .startInstant()
                        .map(Instant::toEpochMilli)
                        .orElse(0L)
                + '-'
                + UUID.randomUUID().toString().substring(0, 8);
        this.sick = new SickPartitions(
                config,
                "taking requests",
                redis,
                // One without memory gives requests.
                partition -> Command.of(Protocol.Command.XDEL, keys.requests(partition), "0-1"));
        this.repetitions = new Repetitions(this);
    }

    /** A name for people only: nothing is found by it. */
    private static String host() {
        String named = System.getenv("HOSTNAME");
        if (named != null && !named.isBlank()) {
            return named;
        }
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }

    StreamsConfig config() {
        return config;
    }

    Keys keys() {
        return keys;
    }

    Redis redis() {
        return redis;
    }

    RequestHandler handler() {
        return handler;
    }

    /** What Redis knows this server by: its host and when it started. */
    String consumer() {
        return consumer;
    }

    ServerCounters counters() {
        return counters;
    }

    /** The requests that this server holds: terminals have them, or they wait. */
    Set<Held> atWork() {
        return atWork;
    }

    /** How many of them have a terminal still, a second after their callers have given up. */
    int overdue() {
        return (int) atWork.stream()
                .filter(each -> each instanceof RequestRun run && run.isOver(OVERDUE_NANOS))
                .count();
    }

    /** Where nobody is to wait for Redis. */
    SickPartitions sick() {
        return sick;
    }

    /** Those of which one is run at a time. */
    Suspects suspects() {
        return suspects;
    }

    /** Those that wait for another run of their id. */
    Repetitions repetitions() {
        return repetitions;
    }

    /** For how long begun runs of an id are counted that never ended: longer than their callers and leases keep others from beginning. */
    Duration triesCounted() {
        return config.replyWindow().plus(config.claimIdle().multipliedBy(10));
    }

    /** How often workers give a sign of life. */
    Duration beat() {
        return config.claimIdle().dividedBy(3);
    }

    /** Whether the grace is over: what is not done stays for others. */
    boolean ended() {
        return ended;
    }

    void end() {
        ended = true;
        repetitions.close();
        sick.close();
    }
}

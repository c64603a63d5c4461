package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.testkit.RedisCluster;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Credentials change each second under eight callers, who notice nothing. */
class RotationTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final int CALLERS = 8;
    private static final int ROUNDS = 6;
    private static RedisCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder().replicasPerMaster(0).start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    /** Redis closes the connections of a user who is deleted: each must be logged in as the next one by then. */
    @Test
    void aTokenOfTwoSecondsIsReplacedOnEveryOpenConnectionBeforeItEnds() throws InterruptedException {
        AtomicReference<Credentials> present =
                new AtomicReference<>(issue("app-", 0).expiringAt(Instant.now().plusSeconds(2)));
        underLoad(Shards.patient(cluster).withCredentials(present::get), next -> {
            present.set(issue("app-", next).expiringAt(Instant.now().plusSeconds(2)));
            remove("app-" + (next - 2));
        });
    }

    /** Nobody knows when it ends: all connections are closed, those that are being opened among them. */
    @Test
    void aTokenThatEndsWithoutNoticeCostsNoCall() throws InterruptedException {
        AtomicReference<Credentials> present = new AtomicReference<>(issue("job-", 0));
        underLoad(Shards.patient(cluster).withCredentials(present::get), next -> {
            present.set(issue("job-", next));
            remove("job-" + (next - 1));
        });
    }

    private static void underLoad(ClusterConfig config, IntConsumer round) throws InterruptedException {
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicLong calls = new AtomicLong();
        AtomicBoolean ended = new AtomicBoolean();
        List<Thread> callers = new ArrayList<>();
        try (ClusterStore store = ClusterStore.of(config)) {
            for (int i = 0; i < CALLERS; i++) {
                String key = "r" + i;
                callers.add(new Thread(() -> {
                    while (!ended.get()) {
                        try {
                            store.put(key, bytes(key), TTL);
                            assertArrayEquals(bytes(key), store.get(key));
                            calls.addAndGet(2);
                        } catch (RuntimeException | Error e) {
                            failures.add(e);
                        }
                    }
                }));
            }
            callers.forEach(Thread::start);
            try {
                for (int next = 1; next <= ROUNDS; next++) {
                    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
                    round.accept(next);
                }
                LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
            } finally {
                ended.set(true);
                for (Thread caller : callers) {
                    caller.join();
                }
            }
        }
        assertEquals(List.of(), List.copyOf(failures), () -> calls + " calls");
        assertTrue(calls.get() > 1_000, () -> calls + " calls");
    }

    private static void remove(String user) {
        cluster.nodes().forEach(node -> node.command("ACL", "DELUSER", user));
    }

    private static Credentials issue(String kind, int number) {
        String user = kind + number;
        cluster.nodes()
                .forEach(node -> node.command("ACL", "SETUSER", user, "on", ">token-" + number, "~*", "&*", "+@all"));
        return Credentials.of(user, Secret.of("token-" + number));
    }
}

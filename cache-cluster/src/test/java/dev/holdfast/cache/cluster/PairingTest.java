package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RespPeer;
import dev.holdfast.cache.testkit.TcpProxy;
import io.netty.channel.Channel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** A reply belongs to its request, or the connection is closed before anything else is read from it. */
class PairingTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 64;

    @Test
    void aReplyTooManyClosesTheConnectionAndGivesNobodyAnothersAnswer() {
        try (PeerCluster cluster = PeerCluster.start((command, caller) ->
                        caller.lines("$" + command.get(1).length(), command.get(1), "$5", "rogue"));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            for (int i = 0; i < 10; i++) {
                String key = "k" + i;
                try {
                    assertEquals(key, text(store.get(key)));
                } catch (CacheUnavailableException e) {
                    // Nothing is better than another's.
                }
            }
        }
    }

    @Test
    void aReplyTooManyOrTooFewOnAConnectionThatIsNeverIdleShiftsItForAMomentOnly() throws InterruptedException {
        for (boolean tooMany : List.of(true, false)) {
            AtomicBoolean harm = new AtomicBoolean();
            try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                        LockSupport.parkNanos(200_000);
                        int times = harm.compareAndSet(true, false) ? tooMany ? 2 : 0 : 1;
                        for (int i = 0; i < times; i++) {
                            PeerCluster.bulk(caller, command.get(1));
                        }
                    });
                    ClusterStore store = ClusterStore.of(cluster.config().withPoolSize(1))) {
                AtomicLong lastWrong = new AtomicLong();
                AtomicBoolean stopped = new AtomicBoolean();
                List<Thread> readers = new ArrayList<>();
                for (int i = 0; i < 16; i++) {
                    String key = "k" + i;
                    Thread reader = new Thread(() -> {
                        while (!stopped.get()) {
                            if (isAnothers(store, key)) {
                                lastWrong.set(System.nanoTime());
                            }
                        }
                    });
                    readers.add(reader);
                    reader.start();
                }
                LockSupport.parkNanos(300_000_000);
                long start = System.nanoTime();
                lastWrong.set(start);
                harm.set(true);
                LockSupport.parkNanos(700_000_000);
                stopped.set(true);
                for (Thread reader : readers) {
                    reader.join();
                }

                long millis = (lastWrong.get() - start) / 1_000_000;
                assertTrue(millis < 300, () -> (tooMany ? "too many: " : "too few: ") + millis + " ms");
            }
        }
    }

    @Test
    void aReplyTooManyThatComesWhileTheNextCallWaitsShiftsAFewCallsOnly() {
        AtomicBoolean harm = new AtomicBoolean();
        ScheduledExecutorService line = Executors.newSingleThreadScheduledExecutor();
        try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                    PeerCluster.bulk(caller, command.get(1));
                    if (harm.compareAndSet(true, false)) {
                        Object unused = line.schedule(() -> again(caller, command.get(1)), 5, TimeUnit.MILLISECONDS);
                    }
                });
                TcpProxy far = TcpProxy.to("127.0.0.1", cluster.port());
                ClusterStore store =
                        ClusterStore.of(cluster.config().withAddressMapper(address -> "127.0.0.1:" + far.port()))) {
            far.delay(Duration.ofMillis(5));
            for (int round = 0; round < 5; round++) {
                long wrong = 0;
                for (int i = 0; i < 60; i++) {
                    harm.set(i == 30);
                    wrong += isAnothers(store, "k" + i) ? 1 : 0;
                }
                long anothers = wrong;
                // One of eight commands goes with a mark, and one more may be awaited.
                assertTrue(anothers <= 9, () -> anothers + " of 30 got another's reply");
            }
        } finally {
            line.shutdownNow();
        }
    }

    private static void again(RespPeer.Caller caller, String key) {
        try {
            PeerCluster.bulk(caller, key);
        } catch (IOException e) {
            // Its connection is gone.
        }
    }

    private static boolean isAnothers(ClusterStore store, String key) {
        try {
            return !key.equals(text(store.get(key)));
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    @Test
    void aReplyThatNobodyAskedForClosesAnIdleConnection() {
        try (PeerCluster cluster = PeerCluster.start((command, caller) -> PeerCluster.bulk(caller, command.get(1)));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            assertEquals("before", text(store.get("before")));
            Channel first = channel(store);
            cluster.peer().push("$5", "rogue");
            eventually("the connection to be closed", () -> !first.isOpen());

            assertEquals("after", text(store.get("after")));
        }
    }

    @Test
    void whateverIsNoReplyIsAFailureOfThatConnectionAndTheNextCallIsAnswered() {
        List<String> malformed = List.of(
                "!5",
                "(5",
                "%1",
                "$x",
                "$",
                "$-2",
                "$5000000000000000000000",
                "*x",
                "*-7",
                "+text",
                ":7",
                "*1",
                "junk",
                "$3\r\nabcd",
                "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n$1\r\na",
                "\r\n",
                "\0");
        for (String reply : malformed) {
            AtomicLong times = new AtomicLong(2);
            try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                        if (times.getAndDecrement() > 0) {
                            caller.lines(reply, "");
                        } else {
                            PeerCluster.bulk(caller, command.get(1));
                        }
                    });
                    ClusterStore store = ClusterStore.of(cluster.config())) {
                for (int i = 0; i < 3; i++) {
                    String key = "k" + i;
                    try {
                        assertEquals(key, text(store.get(key)), reply);
                    } catch (CacheException e) {
                        assertTrue(e instanceof CacheUnavailableException, () -> reply + ": " + e);
                    }
                }
                eventually("an answer after " + reply, () -> "z".equals(text(store.get("z"))));
            }
        }
    }

    @Test
    void aSizeThatIsClaimedIsRefusedBeforeAnythingIsAllocated() {
        for (String claim : List.of("$2147483647", "*1000000000", "$1025", "*2147483647", "$999999999999")) {
            try (PeerCluster cluster = PeerCluster.start((command, caller) -> {
                        if (command.get(1).equals("large")) {
                            caller.lines(claim);
                        } else {
                            PeerCluster.bulk(caller, command.get(1));
                        }
                    });
                    ClusterStore store = ClusterStore.of(cluster.config().withMaxValueBytes(1024))) {
                assertEquals("small", text(store.get("small")));
                CacheRejectedException e = assertThrows(CacheRejectedException.class, () -> store.get("large"), claim);
                assertTrue(
                        String.valueOf(e.getMessage()).contains("withMaxValueBytes"),
                        () -> String.valueOf(e.getMessage()));
                assertEquals("small", text(store.get("small")), claim);
            }
        }
    }

    @Test
    void whateverHappensToConnectionsNobodyGetsAnothersAnswer() throws InterruptedException {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            Map<String, TcpProxy> proxies = new HashMap<>();
            cluster.nodes()
                    .forEach(node ->
                            proxies.put(node.host() + ':' + node.port(), TcpProxy.to(node.host(), node.port())));
            ClusterConfig config = Shards.patient(cluster)
                    .withAddressMapper(
                            announced -> "127.0.0.1:" + proxies.get(announced).port());
            try (ClusterStore store = ClusterStore.of(config)) {
                for (int i = 0; i < KEYS; i++) {
                    store.put("k" + i, value("k" + i), TTL);
                }
                assertEquals(List.of(), wrongAnswersAmid(store, List.copyOf(proxies.values())));
                for (int i = 0; i < KEYS; i++) {
                    String key = "k" + i;
                    eventually("an answer", () -> isRight(store, key));
                }
            } finally {
                proxies.values().forEach(TcpProxy::close);
            }
        }
    }

    private static boolean isRight(ClusterStore store, String key) {
        try {
            assertArrayEquals(value(key), store.get(key));
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    private static List<String> wrongAnswersAmid(ClusterStore store, List<TcpProxy> proxies)
            throws InterruptedException {
        ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
        AtomicLong calls = new AtomicLong();
        List<Thread> readers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Random random = new Random(i);
            Thread reader = new Thread(() -> {
                while (calls.getAndIncrement() < 34_000) {
                    read(store, random, wrong);
                }
            });
            readers.add(reader);
            reader.start();
        }
        long seed = System.nanoTime();
        Random random = new Random(seed);
        while (readers.stream().anyMatch(Thread::isAlive)) {
            harm(store, proxies, readers, random);
            LockSupport.parkNanos(8_000_000);
        }
        for (Thread reader : readers) {
            reader.join();
        }
        return wrong.stream()
                .limit(5)
                .map(text -> text + " (seed " + seed + ')')
                .toList();
    }

    private static void read(ClusterStore store, Random random, ConcurrentLinkedQueue<String> wrong) {
        String key = "k" + random.nextInt(KEYS);
        try {
            if (random.nextInt(10) == 0) {
                List<String> keys = List.of(key, "k" + random.nextInt(KEYS), "k" + random.nextInt(KEYS));
                store.getAll(keys).forEach((name, value) -> check(name, value, wrong));
            } else {
                check(key, store.get(key), wrong);
            }
        } catch (CacheUnavailableException e) {
            e.partialResult().forEach((name, value) -> check(name, value, wrong));
            LockSupport.parkNanos(1_000_000);
        } catch (CacheException e) {
            boolean unused = Thread.interrupted();
        } catch (RuntimeException e) {
            wrong.add(key + " -> " + e);
        }
    }

    private static void check(String key, byte[] found, ConcurrentLinkedQueue<String> wrong) {
        if (!text(value(key)).equals(text(found))) {
            wrong.add(key + " -> " + (found == null ? null : text(found).substring(0, Math.min(20, found.length))));
        }
    }

    private static void harm(ClusterStore store, List<TcpProxy> proxies, List<Thread> readers, Random random) {
        TcpProxy proxy = proxies.get(random.nextInt(proxies.size()));
        switch (random.nextInt(8)) {
            case 0 -> proxy.reset();
            case 1 -> {
                proxy.garbage(bytes(List.of("!\r\n", "$x\r\n", "*9\r\n!", "\0").get(random.nextInt(4))));
                proxy.pass();
            }
            case 2 -> {
                proxy.cutAfter(TcpProxy.Direction.TO_CLIENT, random.nextInt(5_000));
                LockSupport.parkNanos(2_000_000);
                proxy.pass();
            }
            case 3, 4 -> readers.get(random.nextInt(readers.size())).interrupt();
            default -> {
                Channel channel = channel(store);
                if (channel != null) {
                    // As where there is too little direct memory for what comes.
                    channel.pipeline().fireExceptionCaught(new OutOfMemoryError("planted"));
                }
            }
        }
    }

    /** A connection that calls use; {@code null} if there is none now. */
    private static Channel channel(ClusterStore store) {
        List<Node> nodes = List.copyOf(store.session.topology.map().nodes());
        var opened = nodes.get((int) (System.nanoTime() % nodes.size()))
                .pool()
                .link(false)
                .opened();
        return opened.isDone() && !opened.isCompletedExceptionally()
                ? opened.join().channel()
                : null;
    }

    /** It says whose it is, and is as long as that has it. */
    private static byte[] value(String key) {
        return (key + '=').repeat(1 + key.hashCode() % 700).getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] value) {
        return value == null ? null : new String(value, StandardCharsets.UTF_8);
    }
}

package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A connection to a server far away whose replies got out of step with its calls. */
class ShiftedRepliesTest {
    private static final int CALLERS = 24;
    private static final long DELAY_MILLIS = 5;

    /** One of eight calls goes with a mark, and one more may be under way. */
    private static final int MOST_WRONG = 9;

    private final ScheduledExecutorService line = Executors.newSingleThreadScheduledExecutor();
    private final AtomicBoolean harm = new AtomicBoolean();
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicInteger refusals = new AtomicInteger();
    private final AtomicInteger turns = new AtomicInteger();
    private final AtomicLong right = new AtomicLong();
    private final AtomicLong wrong = new AtomicLong();
    private final List<Thread> callers = new ArrayList<>();
    private String kind = "";
    private RespPeer peer;
    private SingleStore store;

    @BeforeEach
    void start() {
        peer = RespPeer.start(this::answer);
        store = SingleStore.of(SingleConfig.of("127.0.0.1", peer.port()).withPoolSize(2));
    }

    @AfterEach
    void stop() {
        store.close();
        peer.close();
        line.shutdownNow();
    }

    /** GET is answered with its key, PING with its text, a round trip later. */
    private void answer(List<String> command, RespPeer.Caller caller) {
        String text = command.size() > 1 ? command.get(1) : "PONG";
        boolean get = command.get(0).equals("GET");
        String reply = get || command.get(0).equals("PING") ? "$" + text.length() + "\r\n" + text + "\r\n" : "+OK\r\n";
        if (command.size() > 1 && command.get(0).equals("PING") && refusals.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            reply = "-BUSY in a script\r\n";
        }
        if (get && kind.equals("late") && harm.compareAndSet(true, false)) {
            byte[] again = reply.getBytes(StandardCharsets.ISO_8859_1);
            Object unused = line.schedule(() -> send(caller, again), DELAY_MILLIS * 3 / 2, TimeUnit.MILLISECONDS);
        } else if (get && harm.compareAndSet(true, false)) {
            reply = kind.equals("lost") ? "" : reply + reply;
        }
        byte[] bytes = reply.getBytes(StandardCharsets.ISO_8859_1);
        Object unused = line.schedule(() -> send(caller, bytes), DELAY_MILLIS, TimeUnit.MILLISECONDS);
    }

    private static void send(RespPeer.Caller caller, byte[] bytes) {
        try {
            caller.bytes(bytes);
        } catch (IOException e) {
            // Its connection is gone.
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"lost", "superfluous"})
    void areNotedThoughSomethingIsAlwaysUnderWay(String what) throws InterruptedException {
        kind = what;
        for (int i = 0; i < CALLERS; i++) {
            String key = "key" + i;
            Thread caller = new Thread(() -> readUntilOver(key));
            callers.add(caller);
            caller.start();
        }
        awaitRight(300);
        for (int round = 0; round < 2; round++) {
            harm.set(true);
            Thread.sleep(300);
            long before = wrong.get();
            awaitRight(right.get() + 300);
            assertTrue(wrong.get() == before, () -> wrong.get() - before + " wrong answers 0.3 s later");
        }
        over.set(true);
        for (Thread caller : callers) {
            caller.join();
        }
        assertTrue(peer.connections() >= 4, "a connection was not closed");
    }

    /** Nothing is under way whenever the next call is sent, so the connection looks idle. */
    @Test
    void areNotedWhereEachCallIsSentByItself() {
        kind = "late";
        for (int round = 0; round < 5; round++) {
            long before = wrong.get();
            for (int i = 0; i < 60; i++) {
                harm.set(i == 30);
                read("key" + i);
            }
            assertTrue(wrong.get() - before <= MOST_WRONG, () -> wrong.get() - before + " of 30 got another's reply");
        }
    }

    /** A server that is busy refuses marks too, which proves nothing. */
    @Test
    void areNotedThoughAMarkWasRefusedOnce() {
        kind = "late";
        refusals.set(1);
        for (int i = 0; i < 60 && refusals.get() > 0; i++) {
            read("key" + i);
        }
        assertEquals(0, refusals.get(), "no mark was sent");
        for (int i = 0; i < 60; i++) {
            harm.set(i == 20);
            read("key" + i);
        }
        assertTrue(wrong.get() <= MOST_WRONG, () -> wrong + " of 40 got another's reply");
    }

    /** A call that is large shares its connection with no other, but with a mark. */
    @Test
    void areNotedBetweenLargeCallsToo() throws IOException {
        AtomicInteger marks = new AtomicInteger();
        String prefix = "k".repeat(1_000);
        try (RespPeer other = RespPeer.start((command, caller) -> {
                    String text = command.size() > 1 ? command.get(1) : "PONG";
                    if (command.get(0).equals("MGET")) {
                        caller.lines("*" + (command.size() - 1));
                        for (int i = 1; i < command.size(); i++) {
                            caller.lines("$-1");
                        }
                    } else if (command.get(0).equals("PING")) {
                        marks.addAndGet(command.size() - 1);
                        caller.lines("$" + text.length(), text);
                    } else {
                        caller.lines("+OK");
                    }
                });
                SingleStore own = SingleStore.of(SingleConfig.of("127.0.0.1", other.port()))) {
            List<String> keys = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                keys.add(prefix + i);
            }
            for (int i = 0; i < 40; i++) {
                assertTrue(own.getAll(keys).isEmpty());
            }
        }
        assertTrue(marks.get() >= 40 / 8 - 1, () -> marks + " marks");
    }

    /** The time that a reply takes tells nothing where it is the server's: then shifted replies take theirs, too. */
    @ParameterizedTest
    @CsvSource({"4000,4000", "2000,4000", "1000,4000", "500,1500"})
    void areNotedHoweverLongEachReplyTakes(int seldomMicros, int usualMicros) {
        try (RespPeer slow =
                        RespPeer.start((command, caller) -> answerInTurn(command, caller, seldomMicros, usualMicros));
                SingleStore own =
                        SingleStore.of(SingleConfig.of("127.0.0.1", slow.port()).withPoolSize(2))) {
            for (int round = 0; round < 3; round++) {
                int shifted = 0;
                for (int i = 0; i < 60; i++) {
                    harm.set(i == 20);
                    try {
                        String key = "key" + i;
                        shifted += new String(own.get(key), StandardCharsets.ISO_8859_1).equals(key) ? 0 : 1;
                    } catch (CacheUnavailableException e) {
                        // Its connection was closed.
                    }
                }
                int most = shifted;
                assertTrue(most <= MOST_WRONG, () -> most + " of 40 got another's reply");
            }
        }
    }

    private void answerInTurn(List<String> command, RespPeer.Caller caller, int seldomMicros, int usualMicros)
            throws IOException {
        boolean get = command.get(0).equals("GET");
        String text = command.size() > 1 ? command.get(1) : "PONG";
        rest(turns.getAndIncrement() % 6 == 0 ? seldomMicros : usualMicros);
        String reply = get || command.get(0).equals("PING") ? "$" + text.length() + "\r\n" + text + "\r\n" : "+OK\r\n";
        caller.bytes(reply.getBytes(StandardCharsets.ISO_8859_1));
        if (get && harm.compareAndSet(true, false)) {
            rest(usualMicros / 2);
            caller.bytes(reply.getBytes(StandardCharsets.ISO_8859_1));
        }
    }

    private static void rest(int micros) {
        long until = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
        for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private void readUntilOver(String key) {
        while (!over.get()) {
            read(key);
        }
    }

    private void read(String key) {
        try {
            boolean own = new String(store.get(key), StandardCharsets.ISO_8859_1).endsWith(key);
            (own ? right : wrong).incrementAndGet();
        } catch (CacheUnavailableException e) {
            // Its connection was closed, or no reply came.
        }
    }

    private void awaitRight(long count) throws InterruptedException {
        for (int i = 0; i < 20_000 && right.get() < count; i++) {
            Thread.sleep(1);
        }
        assertTrue(right.get() >= count, "no answers");
    }
}

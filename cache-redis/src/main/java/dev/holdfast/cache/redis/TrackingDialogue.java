package dev.holdfast.cache.redis;

import dev.holdfast.cache.internal.ForeignText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is said on a tracking connection that is logged in, whatever carries it: RESP3, the prefixes whose changes are wanted, and every half second a question
 * whether the server is there. The answer to a question that was sent after a change comes behind the word of that change, so if no question is unanswered for
 * {@link #ANSWER_NANOS}, no change is unknown for longer than that and {@link #BEAT_NANOS}. One thread feeds it; any may ask.
 */
public final class TrackingDialogue implements PushParser.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(TrackingDialogue.class);

    /** Between two questions whether the server is there. */
    public static final long BEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** So long an answer may take. */
    public static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** What a server answers that will say something else soon. */
    private static final Set<String> PASSING =
            Set.of("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS", "CLUSTERDOWN");

    /** Sends what is said. */
    @FunctionalInterface
    public interface Carrier {
        /**
         * Sends a command, behind those before.
         *
         * @throws IOException if the connection is broken
         */
        void send(byte[] command) throws IOException;
    }

    /** Who is told of what the server says. */
    public interface Listener {
        /** Changes under a prefix, as the server has it, are told of from now on. */
        void covered(ByteBuffer serverPrefix);

        /** Every key may have been changed; those that change from now on are told of as before. */
        void flushed();

        /**
         * The server is there.
         *
         * @param answer what it said to the question, up to 64 KiB of it
         */
        void beaten(String answer);
    }

    private enum Asked {
        HELLO,
        TRACKING,
        AUTH,
        BEAT
    }

    /** What was asked, and waits for its answer. */
    private record Question(Asked what, long at, @Nullable ByteBuffer serverPrefix) {}

    private final Invalidations invalidations;
    private final Listener listener;
    private final Carrier carrier;
    private final byte[] question;
    private final PushParser parser = new PushParser(this);

    /** Held while a question is sent, so that answers come in the order of the questions. Guards them. */
    private final ReentrantLock sending = new ReentrantLock();

    private final Deque<Question> asked = new ArrayDeque<>();
    /** The prefixes that were asked for, and whether the server said yes: it refuses to be asked twice. */
    private final Map<ByteBuffer, Boolean> prefixes = new HashMap<>();

    private boolean greeted;

    /**
     * Creates one that has said nothing.
     *
     * @param question what the server is asked to see whether it is there: the words of a command
     */
    public TrackingDialogue(Invalidations invalidations, Carrier carrier, Listener listener, String... question) {
        this.invalidations = invalidations;
        this.carrier = carrier;
        this.listener = listener;
        this.question = command(question);
    }

    private static byte[] command(String... words) {
        byte[][] bytes = new byte[words.length][];
        for (int i = 0; i < words.length; i++) {
            bytes[i] = words[i].getBytes(StandardCharsets.UTF_8);
        }
        return command(bytes);
    }

    private static byte[] command(byte[]... words) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(("*" + words.length + "\r\n").getBytes(StandardCharsets.US_ASCII));
        for (byte[] word : words) {
            out.writeBytes(("$" + word.length + "\r\n").getBytes(StandardCharsets.US_ASCII));
            out.writeBytes(word);
            out.writeBytes(new byte[] {'\r', '\n'});
        }
        return out.toByteArray();
    }

    /** Begins, and asks for all prefixes. The first answer of the server to whether it is there comes before any prefix is covered. */
    public void begin() throws IOException {
        sending.lock();
        try {
            ask(command("HELLO", "3"), new Question(Asked.HELLO, System.nanoTime(), null));
            greeted = true;
            beat();
        } finally {
            sending.unlock();
        }
        for (Invalidations.Tracked each : invalidations.all()) {
            trackOrThrow(each);
        }
    }

    /** Asks to be told of changes under one more prefix, unless that is to come or was done. If the connection breaks, its reader finds out, too. */
    public void track(Invalidations.Tracked tracked) {
        try {
            trackOrThrow(tracked);
        } catch (IOException e) {
            LOG.debug("the tracking connection breaks", e);
        }
    }

    private void trackOrThrow(Invalidations.Tracked tracked) throws IOException {
        ByteBuffer prefix = ByteBuffer.wrap(tracked.serverPrefix());
        boolean known = false;
        sending.lock();
        try {
            Boolean before = greeted ? prefixes.putIfAbsent(prefix, false) : Boolean.FALSE;
            if (before == null) {
                byte[] command = command(
                        bytes("CLIENT"),
                        bytes("TRACKING"),
                        bytes("ON"),
                        bytes("BCAST"),
                        bytes("PREFIX"),
                        tracked.serverPrefix());
                ask(command, new Question(Asked.TRACKING, System.nanoTime(), prefix));
            } else {
                known = before;
            }
        } finally {
            sending.unlock();
        }
        if (known) {
            listener.covered(prefix);
        }
    }

    private static byte[] bytes(String word) {
        return word.getBytes(StandardCharsets.US_ASCII);
    }

    /** Logs in anew; refused, it stays logged in as it was. Returns whether it was asked. */
    public boolean authenticate(Authentication words) {
        sending.lock();
        try {
            if (greeted) {
                byte[] command = words.username() == null
                        ? command("AUTH", words.password())
                        : command("AUTH", words.username(), words.password());
                ask(command, new Question(Asked.AUTH, System.nanoTime(), null));
            }
            return greeted;
        } catch (IOException e) {
            LOG.debug("the tracking connection breaks", e);
            return false;
        } finally {
            sending.unlock();
        }
    }

    /** Asks whether the server is there. */
    public void beat() throws IOException {
        ask(question, new Question(Asked.BEAT, System.nanoTime(), null));
    }

    private void ask(byte[] command, Question waits) throws IOException {
        sending.lock();
        try {
            asked.add(waits);
            carrier.send(command);
        } finally {
            sending.unlock();
        }
    }

    /** Returns until when the oldest question must be answered, by {@link System#nanoTime()}; without one, as if it were asked with the next beat. */
    public long answerUntil() {
        sending.lock();
        try {
            Question oldest = asked.peek();
            return (oldest == null ? System.nanoTime() + BEAT_NANOS : oldest.at) + ANSWER_NANOS;
        } finally {
            sending.unlock();
        }
    }

    /** Takes in what came; throws what ends the connection. */
    public void feed(byte[] bytes, int from, int to) throws IOException {
        parser.feed(bytes, from, to);
    }

    @Override
    public void changed(byte[] bytes, int from, int to) {
        invalidations.changed(bytes, from, to);
    }

    @Override
    public void flushed() {
        listener.flushed();
    }

    @Override
    public void replied(char kind, String line) throws IOException {
        Question answered = answered(kind);
        if (answered == null) {
            throw new IOException("malformed push: a reply that nobody asked for");
        }
        if (kind == '-' && answered.what != Asked.AUTH) {
            refused(answered, line);
        }
        switch (answered.what) {
            case HELLO -> {
                if (kind != '%') {
                    throw new UntrackedException("it does not speak RESP3");
                }
            }
            case BEAT -> listener.beaten(line);
            case TRACKING -> {
                if (answered.serverPrefix != null) {
                    listener.covered(answered.serverPrefix);
                }
            }
            case AUTH -> {}
        }
    }

    private @Nullable Question answered(char kind) {
        sending.lock();
        try {
            Question answered = asked.poll();
            if (answered != null && answered.serverPrefix != null && kind != '-') {
                prefixes.put(answered.serverPrefix, true);
            }
            return answered;
        } finally {
            sending.unlock();
        }
    }

    private static void refused(Question refused, String line) throws IOException {
        int end = line.indexOf(' ');
        String what = refused.what + " was answered: " + ForeignText.shown(line);
        if (PASSING.contains(end < 0 ? line : line.substring(0, end))) {
            throw new IOException(what);
        }
        throw new UntrackedException(what);
    }
}

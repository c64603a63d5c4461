package dev.holdfast.cache.single;

import dev.holdfast.cache.ForeignText;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Invalidations;
import dev.holdfast.cache.redis.PushParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol.Command;

/**
 * One tracking connection, from {@code HELLO} to its end, which is an exception of {@link #run}. It is asked every half second whether it is there, whatever
 * comes on it: the answer to a question that was sent after a change comes behind the word of that change, so if no question is unanswered for a second, no
 * change is unknown for longer than a second and a half. One thread reads; any may ask.
 */
final class TrackingSession implements PushParser.Listener {
    /** Between two questions whether the server is there. */
    static final long PING_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    /** So long an answer may take. */
    static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final int BUFFER_BYTES = 64 * 1024;

    /** What a server answers that will say something else soon. */
    private static final Set<String> PASSING =
            Set.of("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS");

    /** Who is told of what becomes of it. */
    interface Listener {
        /** Changes under a prefix, as the server has it, are told of from now on. */
        void covered(ByteBuffer serverPrefix);

        /** Every key may have been changed; those that change from now on are told of as before. */
        void flushed();

        /** Whether it is still wanted. */
        boolean isWanted();
    }

    /** What was asked, and waits for its answer. */
    private record Question(
            Command command, long at, @Nullable ByteBuffer serverPrefix) {}

    private final Link link;
    private final Dialer dialer;
    private final Invalidations invalidations;
    private final Listener listener;
    private final PushParser parser = new PushParser(this);
    /** Held while a question is sent, so that answers come in the order of the questions. Guards them. */
    private final ReentrantLock sending = new ReentrantLock();

    private final Deque<Question> asked = new ArrayDeque<>();
    /** The prefixes that were asked for, and whether the server said yes: it refuses to be asked twice. */
    private final Map<ByteBuffer, Boolean> prefixes = new HashMap<>();

    private boolean greeted;

    TrackingSession(Link link, Dialer dialer, Invalidations invalidations, Listener listener) {
        this.link = link;
        this.dialer = dialer;
        this.invalidations = invalidations;
        this.listener = listener;
    }

    /** Takes it through its life. Returns when it is not wanted any more. */
    void run() throws IOException {
        greet();
        for (Invalidations.Tracked each : invalidations.all()) {
            track(each);
        }
        byte[] buffer = new byte[BUFFER_BYTES];
        long pingAt = System.nanoTime() + PING_NANOS;
        while (listener.isWanted()) {
            long now = System.nanoTime();
            if (now - pingAt >= 0) {
                ask(Request.reading(Command.PING), Command.PING, null);
                pingAt = now + PING_NANOS;
            }
            long until = answerUntil();
            // Also of an answer that drips or of a connection that takes no questions.
            link.reading().begin(until);
            dialer.watch().expect(until);
            int count = link.receive(buffer, pingAt - until < 0 ? pingAt : until);
            if (count > 0) {
                parser.feed(buffer, 0, count);
            } else if (System.nanoTime() - until >= 0) {
                link.reset(Doom.OVERDUE);
                throw new IOException("no answer on the tracking connection in time");
            }
        }
    }

    private long answerUntil() {
        sending.lock();
        try {
            Question oldest = asked.peek();
            return (oldest == null ? System.nanoTime() + PING_NANOS : oldest.at) + ANSWER_NANOS;
        } finally {
            sending.unlock();
        }
    }

    private void greet() throws IOException {
        sending.lock();
        try {
            ask(Request.reading(Command.HELLO).with(3), Command.HELLO, null);
            greeted = true;
        } finally {
            sending.unlock();
        }
    }

    /** Asks to be told of changes under one more prefix, unless that is to come or was done. */
    void track(Invalidations.Tracked tracked) throws IOException {
        ByteBuffer prefix = ByteBuffer.wrap(tracked.serverPrefix());
        boolean known = false;
        sending.lock();
        try {
            Boolean before = greeted ? prefixes.putIfAbsent(prefix, false) : Boolean.FALSE;
            if (before == null) {
                Request request = Request.reading(Command.CLIENT)
                        .with("TRACKING")
                        .with("ON")
                        .with("BCAST")
                        .with("PREFIX")
                        .with(tracked.serverPrefix());
                ask(request, Command.CLIENT, prefix);
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

    /** Logs in anew. */
    void authenticate(Authentication words) throws IOException {
        sending.lock();
        try {
            if (greeted) {
                ask(Entry.auth(words), Command.AUTH, null);
                link.words(words);
            }
        } finally {
            sending.unlock();
        }
    }

    private void ask(Request request, Command command, @Nullable ByteBuffer serverPrefix) throws IOException {
        sending.lock();
        try {
            asked.add(new Question(command, System.nanoTime(), serverPrefix));
            link.write(List.of(request));
            link.flush();
        } finally {
            sending.unlock();
        }
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
        Question question = answered(kind);
        if (question == null) {
            throw new MalformedReplyException("one that nobody asked for");
        }
        if (question.command == Command.AUTH) {
            return; // refused, it stays logged in as it was
        }
        if (kind == '-') {
            refused(question, line);
        }
        if (question.command == Command.HELLO && kind != '%') {
            throw new UntrackedException("it does not speak RESP3");
        }
        if (question.serverPrefix != null) {
            listener.covered(question.serverPrefix);
        }
    }

    private @Nullable Question answered(char kind) {
        sending.lock();
        try {
            Question question = asked.poll();
            if (question != null && question.serverPrefix != null && kind != '-') {
                prefixes.put(question.serverPrefix, true);
            }
            return question;
        } finally {
            sending.unlock();
        }
    }

    private static void refused(Question question, String line) throws IOException {
        int end = line.indexOf(' ');
        String what = question.command + " was answered: " + ForeignText.shown(line);
        if (PASSING.contains(end < 0 ? line : line.substring(0, end))) {
            throw new IOException(what);
        }
        throw new UntrackedException(what);
    }
}

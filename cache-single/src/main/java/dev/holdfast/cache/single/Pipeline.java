package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.DeadlineWatch;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol.Command;

/**
 * A connection, and the calls that were sent on it in the order in which their replies come. One thread at a time writes,
 * one reads; they are callers who do it for the others too. Whenever it is in doubt which reply belongs to which call,
 * all that are under way fail, and the connection is not used again.
 */
final class Pipeline {
    /** After how long without use it has to prove itself: whoever forgets idle connections does it later than this. */
    private static final long DOUBT_NANOS = TimeUnit.SECONDS.toNanos(15);

    private static final long GLANCE_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

    private final Link link;
    private final DeadlineWatch<Link> watch;
    private final JedisErrors errors;
    private final RoundTrip roundTrip;
    private final long commandNanos;
    private final WhenBroken whenBroken;
    private final long openSince = System.nanoTime();

    private final AtomicBoolean writing = new AtomicBoolean();
    private final SentCalls calls = new SentCalls();
    private final Marks marks;
    private final SilenceClock silence;
    private final PipelineReader reader;

    private volatile boolean suspect;
    private volatile boolean exclusive;
    private volatile boolean broken;

    /** Told of a connection that is given up, before the calls on it fail, and whether that was not our wish; more than once. */
    @FunctionalInterface
    interface WhenBroken {
        void accept(Pipeline pipeline, boolean byOthers);
    }

    Pipeline(Link link, Connector connector, JedisErrors errors, RoundTrip roundTrip, WhenBroken whenBroken) {
        this.link = link;
        this.watch = connector.watch();
        this.errors = errors;
        this.roundTrip = roundTrip;
        this.commandNanos = connector.commandNanos();
        this.whenBroken = whenBroken;
        this.marks = new Marks(commandNanos);
        this.silence = new SilenceClock(link, calls, roundTrip);
        this.reader = new PipelineReader(link, calls, marks, connector, roundTrip, errors);
    }

    Link link() {
        return link;
    }

    /** A moment at which it was open, before the first call. */
    long openSince() {
        return openSince;
    }

    /** The name that no other process has than the one that it leads to; {@code null} if the server does not say it. */
    @Nullable
    String runId() {
        String process = link.process();
        return process != null && Restarts.isRunId(process) ? process : null;
    }

    /** How long it has been silent while calls wait. */
    SilenceClock silence() {
        return silence;
    }

    /** How many calls are sent and not answered. */
    int inFlight() {
        return calls.count();
    }

    boolean isBusy() {
        return calls.count() != 0;
    }

    /** Whether nothing is under way and nobody has the right to write. */
    boolean isFree() {
        return !broken && !isBusy() && !writing.get();
    }

    /** Whether something slow or large is under way on it, behind which others had better not wait. */
    boolean isStalled(long now) {
        return isBusy() && (exclusive || now - link.heardAt() > roundTrip.silenceNanos());
    }

    /** When what is under way is overdue: nothing may come for a command timeout. */
    long overdueAt() {
        return link.heardAt() + commandNanos;
    }

    /** Gives it up since nothing comes on it, though the server answers. */
    void failSilent() {
        link.reset(CloseReason.SILENT);
        fail(new IOException("no answer on it, while the server answered on another"));
    }

    /** Gives it up if nothing is under way on it. */
    void discardIfUnused() {
        if (tryAcquire(true)) {
            link.reset(CloseReason.DISCARDED);
            release();
            fail(new IOException("no longer wanted"));
        }
    }

    /** To be told when its replies have all been read: if it is of another set than the present one, it goes. */
    void discardUnlessOf(int generation) {
        if (link.generation() != generation) {
            discardIfUnused();
        }
    }

    /** Lets it prove itself before it is used again. */
    void suspect() {
        suspect = true;
    }

    /** Whether it has to prove itself before it carries a call. */
    boolean needsProof(long now) {
        return suspect || now - reader.usedAt() >= DOUBT_NANOS;
    }

    /**
     * Finds out whether the other end answers. For the thread that has the right to write while nothing is under way; it
     * keeps it. Blocks.
     *
     * @param until when the answer must have come
     */
    boolean prove(long until) {
        // Whoever was about to read when its call was answered finds nothing to read, but would end our time limit with
        // its own.
        while (!reader.tryAcquire()) {
            if (System.nanoTime() - until >= 0) {
                return false;
            }
            LockSupport.parkNanos(GLANCE_NANOS);
        }
        try {
            boolean answers = reader.prove(Request.reading(Command.PING), until);
            suspect = false;
            return answers;
        } finally {
            reader.release();
        }
    }

    /** When it was last used, at most a call's length too early. */
    long usedAt() {
        return reader.usedAt();
    }

    /** Takes the right to write, if nobody has it and, where that is asked for, nothing is under way. */
    boolean tryAcquire(boolean onlyIdle) {
        if (broken || ((onlyIdle || exclusive) && isBusy()) || !writing.compareAndSet(false, true)) {
            return false;
        }
        if (broken || ((onlyIdle || exclusive) && isBusy())) {
            writing.set(false);
            return false;
        }
        return true;
    }

    /** Gives back the right to write. */
    void release() {
        writing.set(false);
    }

    /**
     * Sends calls in one go. For the thread that has the right to write; it loses it.
     *
     * @param newest the calls, newest first, linked by {@link Call#older}
     * @param now the time
     * @param until when the writing must have ended
     */
    void send(@Nullable Call newest, long now, long until) {
        Call first = null;
        Call last = null;
        int count = 0;
        for (Call call = newest; call != null; ) {
            Call older = call.older;
            call.older = null;
            if (call.takeFor(this, now, commandNanos)) {
                call.after = first;
                first = call;
                last = last == null ? call : last;
                count++;
            }
            call = older;
        }
        Throwable failure = null;
        if (first != null && last != null) {
            boolean isAlone = first.alone();
            Call mark = marks.next(this, !isBusy(), now);
            if (mark != null) {
                mark.after = first;
                first = mark;
                count++;
            }
            if (calls.announce(count)) {
                exclusive = isAlone;
                marks.wasIdle(now);
                reader.begins(now);
                silence.begins(now);
            }
            calls.append(first, last);
            failure = write(first, last, until);
        }
        writing.set(false);
        if (failure != null) {
            fail(failure);
        }
    }

    private @Nullable Throwable write(Call first, Call last, long until) {
        link.writing().begin(until);
        try {
            watch.expect(until);
            for (Call call = first; ; ) {
                // The reader may be past it at once: what comes next is to be known before.
                Call next = call.after;
                link.streams().write(call.takeCommands());
                if (call == last) {
                    break;
                }
                if (next == null) {
                    throw new MalformedReplyException("one before the command was sent");
                }
                call = next;
            }
            link.streams().flush();
        } catch (IOException | RuntimeException | Error e) {
            return e;
        } finally {
            link.writing().end();
        }
        return null;
    }

    /**
     * Reads replies, if nobody else does: until this call is answered and no more of them has arrived.
     *
     * @param own the caller's own call; {@code null} to read until nothing is under way
     * @param until when the caller has no more time
     * @return false if another thread reads
     */
    boolean read(@Nullable Call own, long until) {
        if (!reader.tryAcquire()) {
            return false;
        }
        try {
            Throwable failure = reader.read(own, until);
            if (failure != null) {
                failAsReader(failure);
            }
        } finally {
            reader.release();
        }
        if (broken && !calls.isEmpty()) {
            fail(new IOException("the connection is closed"));
        }
        return true;
    }

    /** The first of the calls under way whose caller could read; any of them if there is none; {@code null} if there are none. */
    @Nullable
    Call successor() {
        return calls.successor();
    }

    /** Whether something was sent that nobody is reading the replies of. */
    boolean isUnattended() {
        return !calls.isEmpty() && !reader.isAcquired();
    }

    /** Whether it was given up. */
    boolean isBroken() {
        return broken;
    }

    /** Gives the connection up, and fails what is under way. For any thread. */
    void fail(Throwable cause) {
        CloseReason closeReason = link.closeReason();
        try {
            breakOff(closeReason);
        } finally {
            while (!calls.isEmpty() && reader.tryAcquire()) {
                try {
                    calls.failAll(new Lost(errors, cause, closeReason));
                } finally {
                    reader.release();
                }
            }
        }
    }

    /** As {@link #fail}, for whoever reads: what is under way fails whatever is thrown meanwhile. */
    private void failAsReader(Throwable cause) {
        CloseReason closeReason = link.closeReason();
        try {
            breakOff(closeReason);
        } finally {
            calls.failAll(new Lost(errors, cause, closeReason));
        }
    }

    private void breakOff(@Nullable CloseReason closeReason) {
        broken = true;
        try {
            link.reset(closeReason == null ? CloseReason.DISCARDED : closeReason);
        } finally {
            // Whoever is told of the failure finds no connection that has the same fate, unnoticed as yet.
            whenBroken.accept(this, closeReason == null || closeReason.silent());
        }
    }
}

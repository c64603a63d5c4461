package dev.holdfast.cache.single;

import dev.holdfast.cache.DeadlineWatch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;

/**
 * A connection, and the calls that were sent on it in the order in which their replies come. One thread at a time writes,
 * one reads; they are callers who do it for the others too. Whenever it is in doubt which reply belongs to which call,
 * all that are under way fail, and the connection is not used again.
 */
final class Lane {
    /** How much longer than its reader's limit a reply may take that has begun; then the connection is lost. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** How many replies a reader that has its own stays for. */
    private static final int MOST_FOR_OTHERS = 256;

    private final Link link;
    private final DeadlineWatch<Link> watch;
    private final JedisErrors errors;
    private final RoundTrip roundTrip;
    private final long commandNanos;
    private final WhenBroken whenBroken;

    private final AtomicBoolean writing = new AtomicBoolean();
    private final AtomicBoolean reading = new AtomicBoolean();

    /** How many calls are sent and not answered; counted down when the reader stops reading. */
    private final AtomicInteger inFlight = new AtomicInteger();

    /** The last that was answered; what follows it waits for its reply. Moved by the reader. */
    private volatile Call head = new Call();

    /** The last that was sent. The writer's. */
    private Call tail = head;

    /** When something was sent while nothing was under way, if its reply has not come; else 0. */
    private volatile long sentAt;

    /** When the last reply came, or something was sent while nothing was under way. */
    private volatile long heardAt;

    private volatile long usedAt;
    private volatile boolean broken;

    /** Told of a connection that is given up, before the calls on it fail; more than once. */
    @FunctionalInterface
    interface WhenBroken {
        void accept(Lane lane, boolean byServer);
    }

    Lane(Link link, Dialer dialer, JedisErrors errors, RoundTrip roundTrip, WhenBroken whenBroken) {
        this.link = link;
        this.watch = dialer.watch();
        this.errors = errors;
        this.roundTrip = roundTrip;
        this.commandNanos = dialer.commandNanos();
        this.whenBroken = whenBroken;
        this.usedAt = link.usedAt();
    }

    Link link() {
        return link;
    }

    int inFlight() {
        return inFlight.get();
    }

    boolean isBusy() {
        return inFlight.get() != 0;
    }

    /** Whether something slow or large is under way on it, behind which others had better not wait. */
    boolean isStalled(long now) {
        return inFlight.get() != 0 && now - heardAt > roundTrip.silenceNanos();
    }

    /** When it was last used, at most a call's length too early. */
    long usedAt() {
        return usedAt;
    }

    /** Takes the right to write, if nobody has it and, where that is asked for, nothing is under way. */
    boolean tryAcquire(boolean onlyIdle) {
        if (broken || (onlyIdle && inFlight.get() != 0) || !writing.compareAndSet(false, true)) {
            return false;
        }
        if (broken || (onlyIdle && inFlight.get() != 0)) {
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
            if (inFlight.getAndAdd(count) == 0) {
                sentAt = now;
                heardAt = now;
            }
            Call before = tail;
            tail = last;
            before.after = first;
            failure = write(first, last, until);
        }
        writing.set(false);
        if (failure != null) {
            fail(failure);
        }
    }

    private @Nullable Throwable write(Call first, Call last, long until) {
        link.writing().begin(until);
        watch.expect(until);
        try {
            for (Call call = first; ; ) {
                // The reader may be past it at once: what comes next is to be known before.
                Call next = call.after;
                link.write(call.takeCommands());
                if (call == last || next == null) {
                    break;
                }
                call = next;
            }
            link.flush();
        } catch (RuntimeException | Error e) {
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
        if (!reading.compareAndSet(false, true)) {
            return false;
        }
        Throwable failure = null;
        int answered = 0;
        boolean limited = own != null && own.limited();
        expect(limited ? until + commandNanos : until);
        try {
            for (Call next = head.after;
                    next != null && (own == null || own.isSent() || (answered < MOST_FOR_OTHERS && link.hasMore()));
                    next = head.after) {
                if (!link.await(roundTrip.isShort(), limited, until)) {
                    break;
                }
                if (limited) {
                    expect(until + GRACE_NANOS);
                }
                Object reply = next.isPlural() ? readAll(next.replies()) : readOne();
                if (answered++ == 0) {
                    timeRoundTrip();
                }
                if (!roundTrip.isShort()) {
                    heardAt = System.nanoTime();
                }
                head = next;
                next.answer(reply);
            }
            if (head.after == null && link.isBuffered()) {
                failure = new JedisConnectionException("a reply that nobody asked for");
            }
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        if (!link.reading().end() && failure == null) {
            failure = new JedisConnectionException("overdue");
        }
        usedAt = System.nanoTime();
        inFlight.addAndGet(-answered);
        if (failure != null) {
            failAll(failure, breakOff());
        }
        reading.set(false);
        if (broken && head.after != null) {
            fail(new JedisConnectionException("the connection is closed"));
        }
        return true;
    }

    private void expect(long until) {
        link.reading().begin(until);
        watch.expect(until);
    }

    private void timeRoundTrip() {
        long sent = sentAt;
        if (sent != 0) {
            sentAt = 0;
            roundTrip.took(sent, System.nanoTime());
        }
    }

    private @Nullable Object readOne() {
        try {
            return link.read();
        } catch (JedisDataException refusal) {
            return refusal;
        }
    }

    private List<@Nullable Object> readAll(int count) {
        List<@Nullable Object> replies = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            replies.add(readOne());
        }
        return replies;
    }

    /** The first of the calls under way whose caller could read; any of them if there is none; null if there are none. */
    @Nullable
    Call successor() {
        Call first = head.after;
        for (Call call = first; call != null; call = call.after) {
            if (call.isSent() && call.leads()) {
                return call;
            }
        }
        return first;
    }

    /** Whether something was sent that nobody is reading the replies of. */
    boolean isUnattended() {
        return head.after != null && !reading.get();
    }

    /** Whether it was given up. */
    boolean isBroken() {
        return broken;
    }

    /** Gives the connection up, and fails what is under way. For any thread. */
    void fail(Throwable cause) {
        Doom doom = breakOff();
        while (head.after != null && reading.compareAndSet(false, true)) {
            failAll(cause, doom);
            reading.set(false);
        }
    }

    private @Nullable Doom breakOff() {
        Doom doom = link.doom();
        broken = true;
        link.reset(doom == null ? Doom.DISCARDED : doom);
        // Whoever is told of the failure finds no connection that has the same fate, unnoticed as yet.
        whenBroken.accept(this, doom == null);
        return doom;
    }

    private void failAll(Throwable cause, @Nullable Doom doom) {
        Supplier<RuntimeException> why = () -> errors.lost(cause, doom, true);
        int failed = 0;
        for (Call next = head.after; next != null; next = head.after) {
            head = next;
            next.fail(why);
            failed++;
        }
        inFlight.addAndGet(-failed);
    }
}

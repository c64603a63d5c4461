package dev.holdfast.cache.single;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol.Command;

/**
 * A caller's request, one command or several in one go, on its way: waiting to be sent, sent, answered; or left by its
 * caller. Its caller waits for it, and whoever has the connection answers it.
 */
final class Call {
    /** From this size on others had better not wait behind it. */
    static final long LARGE_BYTES = 256 * 1024;

    private static final AtomicReferenceFieldUpdater<Call, @Nullable Call> AFTER =
            AtomicReferenceFieldUpdater.newUpdater(Call.class, Call.class, "after");

    private enum State {
        PENDING,
        /** Somebody is about to send it, and nobody else will. */
        TAKEN,
        SENT,
        ANSWERED,
        LEFT
    }

    private static final AtomicReferenceFieldUpdater<Call, State> STATE =
            AtomicReferenceFieldUpdater.newUpdater(Call.class, State.class, "state");

    private final Thread caller = Thread.currentThread();
    private final boolean leads;
    private final byte @Nullable [] mark;
    private final boolean readOnly;
    private final boolean alone;
    private final int replies;
    private final boolean plural;
    private final long until;
    private @Nullable List<Request> commands;

    /** The next older one of those that wait to be sent. */
    @Nullable
    Call older;

    /** The next one on the same connection. */
    volatile @Nullable Call after;

    private volatile State state = State.PENDING;
    private volatile boolean parked;
    private volatile long alarmAt;

    // Written before the state, and read after it.
    private @Nullable Pipeline pipeline;
    private long deadline;
    private long takenAt;
    private boolean limited;
    private @Nullable Object reply;
    private @Nullable Supplier<? extends RuntimeException> failure;

    private Call(List<Request> commands, boolean plural, long until, boolean again) {
        this.commands = commands;
        this.replies = commands.size();
        this.plural = plural;
        this.until = until;
        this.readOnly = !plural && commands.get(0).readOnly();
        this.alone = again || bytes(commands) >= LARGE_BYTES;
        this.leads = !Threads.isVirtual(caller);
        this.mark = null;
    }

    /**
     * One of ours among the others, whose reply can't be taken for another's: it tells whether replies still belong to the calls they
     * are given to.
     *
     * @param text what comes back, that nobody else sends
     */
    static Call mark(byte[] text, long until) {
        return new Call(text, until);
    }

    private Call(byte[] text, long until) {
        this.commands = List.of(Request.reading(Command.PING).with(text));
        this.replies = 1;
        this.plural = false;
        this.until = until;
        this.readOnly = true;
        this.alone = false;
        this.leads = false;
        this.mark = text;
    }

    /** One that stands before the first on a connection. */
    Call() {
        this.commands = null;
        this.replies = 0;
        this.plural = false;
        this.until = 0;
        this.readOnly = true;
        this.alone = false;
        this.leads = false;
        this.mark = null;
        this.state = State.ANSWERED;
    }

    /** A call that is sent with others, unless it is large. */
    static Call of(List<Request> commands, boolean plural, long until) {
        return new Call(commands, plural, until, false);
    }

    /** A call that is sent again, alone. */
    static Call again(List<Request> commands, boolean plural, long until) {
        return new Call(commands, plural, until, true);
    }

    private static long bytes(List<Request> commands) {
        long bytes = 0;
        for (Request command : commands) {
            bytes += command.bytes();
        }
        return bytes;
    }

    /** Whether it has a connection for itself until it is answered. */
    boolean alone() {
        return alone;
    }

    /**
     * Whether its caller may write and read for others too. A virtual thread must not: to interrupt it in a read would
     * close the socket for everyone on it.
     */
    boolean leads() {
        return leads;
    }

    /** Whether nothing is lost when its caller goes away before the reply comes. */
    boolean readOnly() {
        return readOnly;
    }

    boolean isPending() {
        return state == State.PENDING;
    }

    boolean isSent() {
        return state == State.SENT;
    }

    boolean isAnswered() {
        return state == State.ANSWERED;
    }

    /** When its caller wants to have ended, whatever the command timeout is. */
    long until() {
        return until;
    }

    /** Where it was sent. Once sent. */
    Pipeline pipeline() {
        return Objects.requireNonNull(pipeline);
    }

    /** When its reply must have come; later, while what comes on its connection gets on. Once sent. */
    long deadline() {
        Pipeline sentOn = pipeline;
        if (limited || sentOn == null) {
            return deadline;
        }
        long extended = sentOn.overdueAt();
        if (until - extended < 0) {
            extended = until;
        }
        return extended - deadline > 0 ? extended : deadline;
    }

    /** Whether its caller waits for less than the command timeout. Once sent. */
    boolean limited() {
        return limited;
    }

    /** Whether its caller has no more time, though the connection may have. */
    boolean isOver() {
        return limited() && System.nanoTime() - deadline() >= 0;
    }

    /**
     * Takes it for sending, at which it is about to be written.
     *
     * @return false if its caller has left, or somebody else has taken it
     */
    boolean takeFor(Pipeline pipeline, long now, long commandNanos) {
        if (!STATE.compareAndSet(this, State.PENDING, State.TAKEN)) {
            return false;
        }
        this.pipeline = pipeline;
        takenAt = now;
        limited = until - now < commandNanos;
        deadline = limited ? until : now + commandNanos;
        state = State.SENT;
        return true;
    }

    /** When it was about to be written; of no meaning before that. Once answered. */
    long takenAt() {
        return takenAt;
    }

    /** Whether it got a connection. Once answered. */
    boolean wasTaken() {
        return pipeline != null;
    }

    /** Its commands, which are forgotten. */
    List<Request> takeCommands() {
        List<Request> taken = Objects.requireNonNull(commands);
        commands = null;
        return taken;
    }

    /** Forgets the next one. */
    void leadsNowhere() {
        AFTER.lazySet(this, null);
    }

    /** How many replies it gets; one, unless {@link #isPlural}. */
    int replies() {
        return replies;
    }

    /** Whether its reply is a list of replies. */
    boolean isPlural() {
        return plural;
    }

    /** The reply that a call of {@link #mark} must get; {@code null} of any other. */
    byte @Nullable [] mark() {
        return mark;
    }

    /** Ends it with a reply, unless its caller has left. */
    void answer(@Nullable Object answer) {
        reply = answer;
        end();
    }

    /** Ends it with a failure, unless its caller has left; the exception is built on the caller's thread. */
    void fail(Supplier<? extends RuntimeException> why) {
        failure = why;
        end();
    }

    /** Ends it with a failure, unless it was sent meanwhile, of which this failure would know nothing, or its caller has left. */
    void failUnsent(Supplier<? extends RuntimeException> why) {
        if (STATE.compareAndSet(this, State.PENDING, State.TAKEN)) {
            failure = why;
            state = State.ANSWERED;
            if (parked) {
                LockSupport.unpark(caller);
            }
        }
    }

    private void end() {
        State present = state;
        while (present == State.PENDING || present == State.SENT) {
            if (STATE.compareAndSet(this, present, State.ANSWERED)) {
                if (parked) {
                    LockSupport.unpark(caller);
                }
                return;
            }
            present = state;
        }
        reply = null;
    }

    /**
     * Gives it up, on the caller's thread.
     *
     * @return false if it is answered already
     */
    boolean leave() {
        return STATE.compareAndSet(this, State.PENDING, State.LEFT)
                || STATE.compareAndSet(this, State.SENT, State.LEFT);
    }

    /** Gives it up unless it was sent meanwhile. */
    boolean leaveUnsent() {
        return STATE.compareAndSet(this, State.PENDING, State.LEFT);
    }

    /** Waits for its end, on the caller's thread; may return early. */
    void park(long nanos) {
        parked = true;
        if (!isAnswered()) {
            LockSupport.parkNanos(this, nanos);
        }
        parked = false;
    }

    /** Waits for its end or to be woken, on the caller's thread; may return early. */
    void park() {
        parked = true;
        if (!isAnswered()) {
            LockSupport.park(this);
        }
        parked = false;
    }

    /** When its caller wants to be woken. */
    long alarmAt() {
        return alarmAt;
    }

    void alarmAt(long until) {
        alarmAt = until == 0 ? 1 : until;
    }

    /** Lets the caller look again at what there is to do. */
    void wake() {
        LockSupport.unpark(caller);
    }

    /** How its connection was lost; {@code null} if it was not. Once answered. */
    @Nullable
    Lost lost() {
        return failure instanceof Lost lost ? lost : null;
    }

    /** The reply, which is forgotten. Once answered. */
    @Nullable
    Object takeReply() {
        if (failure != null) {
            throw failure.get();
        }
        Object taken = reply;
        reply = null;
        return taken;
    }
}

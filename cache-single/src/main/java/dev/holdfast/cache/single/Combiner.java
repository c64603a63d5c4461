package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.DeadlineWatch;
import dev.holdfast.cache.PoolHealth;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;

/**
 * A bounded number of connections that callers share: a call that finds one unused has it for itself; those that come
 * while all are in use are sent together, in one write, by the first who can, and one of them reads the replies for all.
 * Nothing waits for a batch to fill, and no thread stands between. With a server that is far away a connection takes the
 * next batch before it has answered the last.
 */
final class Combiner implements Connections {
    /** How often a caller lets others run before it sleeps. */
    private static final int YIELDS = 20;

    /** From how many callers on few connections serve better than all: the batches are larger. */
    private static final int MANY_CALLERS = 12;

    private static final int FEW_LANES = 2;

    /** How long a call that was not sent sleeps before it looks for a connection among all; doubled each time. */
    private static final long FIRST_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long LONGEST_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(64);

    private final Dialer dialer;
    private final JedisErrors errors;
    private final int size;
    private final long connectNanos;
    private final long commandNanos;
    private final RoundTrip roundTrip = new RoundTrip();
    private final Pending pending = new Pending();
    private final Lanes lanes;
    private final LongAdder exhausted = new LongAdder();
    private final Map<Thread, Call> sleepers = new ConcurrentHashMap<>();
    private final DeadlineWatch<Call> alarm;
    private final AtomicInteger underWay = new AtomicInteger();
    private final AtomicInteger workers = new AtomicInteger();

    Combiner(SingleConfig config, Dialer dialer, JedisErrors errors) {
        this.dialer = dialer;
        this.errors = errors;
        this.size = config.poolSize();
        this.connectNanos = config.connectTimeout().toNanos();
        this.commandNanos = config.commandTimeout().toNanos();
        this.lanes = new Lanes(config, dialer, errors, roundTrip, this::dialled);
        this.alarm =
                new DeadlineWatch<>(sleepers.values(), Call::alarmAt, (call, until) -> call.wake(), dialer::execute);
    }

    @Override
    public <T> @Nullable T call(CommandArguments command, Class<T> type, long start, long until) {
        Call call = Call.of(command, until);
        Object reply = answer(call, start);
        if (reply == null || type.isInstance(reply)) {
            return type.cast(reply);
        }
        if (reply instanceof RuntimeException refusal) {
            if (errors.isReadOnly(refusal)) {
                renew();
            }
            throw errors.refusal(refusal);
        }
        RuntimeException outOfStep = errors.outOfStep(command, reply);
        call.lane().fail(outOfStep);
        throw errors.lost(outOfStep, null, true);
    }

    @Override
    public List<@Nullable Object> callAll(List<CommandArguments> commands, long start, long until) {
        List<@Nullable Object> replies = new ArrayList<>(commands.size());
        if (answer(Call.of(commands, until), start) instanceof List<?> all) {
            replies.addAll(all);
        }
        if (replies.stream().anyMatch(errors::isReadOnly)) {
            renew();
        }
        replies.replaceAll(reply -> reply instanceof RuntimeException refusal ? errors.refusal(refusal) : reply);
        return replies;
    }

    private @Nullable Object answer(Call call, long start) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null);
        }
        underWay.incrementAndGet();
        boolean interrupted = false;
        try {
            pending.add(call);
            long nap = FIRST_NAP_NANOS;
            for (int i = call.leads() && roundTrip.isShort() ? YIELDS : 0; !call.isAnswered(); i--) {
                if (lead(call, nap > FIRST_NAP_NANOS)) {
                    continue;
                }
                if (i > 0) {
                    Threads.letOthersRun();
                } else {
                    interrupted |= rest(call, start, nap);
                    nap = Math.min(2 * nap, LONGEST_NAP_NANOS);
                }
            }
        } finally {
            underWay.decrementAndGet();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        return call.takeReply();
    }

    /** Does what is to be done for this call, and for others with it; false if there is nothing that its caller can do. */
    private boolean lead(Call call, boolean anyLane) {
        if (call.isPending()) {
            if (!call.leads()) {
                startWorker();
                return false;
            }
            if (send(anyLane, call.until()) != null) {
                return true;
            }
            lanes.dialFor(underWay.get());
            return false;
        }
        return call.isSent() && call.leads() && !isOver(call) && read(call.lane(), call, call.deadline());
    }

    /** Whether its caller has no more time, though the connection may have. */
    private static boolean isOver(Call call) {
        return call.limited() && System.nanoTime() - call.deadline() >= 0;
    }

    /** Sends all that is pending on a connection that may take it; returns that, or null if there is none. */
    private @Nullable Lane send(boolean anyLane, long until) {
        long now = System.nanoTime();
        Lane lane = lanes.acquire(anyLane ? size : lanesWanted(), now);
        if (lane == null) {
            return null;
        }
        long latest = now + commandNanos;
        lane.send(pending.takeAll(), now, until - latest < 0 ? until : latest);
        // Who came while we were writing found nobody to send for them, and far away no reply comes soon to change
        // that.
        if (!pending.isEmpty() && (!roundTrip.isShort() || !lane.isBusy())) {
            wakeOne();
        }
        return lane;
    }

    private int lanesWanted() {
        return underWay.get() < MANY_CALLERS ? size : Math.min(FEW_LANES, size);
    }

    private boolean read(Lane lane, @Nullable Call own, long until) {
        if (!lane.read(own, until)) {
            return false;
        }
        if (lane.isUnattended()) {
            passOn(lane);
        } else {
            lanes.isDone(lane);
        }
        wakeOne();
        return true;
    }

    /** Has the replies of this connection read, unless somebody does already. */
    private void passOn(Lane lane) {
        Call next = lane.successor();
        if (next == null) {
            return;
        }
        if (next.isSent() && next.leads()) {
            next.wake();
        } else {
            // Also when all have left: the connection is of use again once their replies are out of the way.
            execute(() -> read(lane, null, System.nanoTime() + commandNanos));
        }
    }

    /** Lets one of the callers whose calls were not sent look for a connection. */
    private void wakeOne() {
        Call first = pending.first();
        if (first == null) {
            return;
        }
        if (first.leads()) {
            first.wake();
        } else {
            startWorker();
        }
    }

    private void dialled(@Nullable CacheUnavailableException failure) {
        if (failure != null) {
            pending.fail(() -> errors.again(failure));
        }
        wakeOne();
    }

    /** Lets a thread of ours send and read for callers that can't. */
    private void startWorker() {
        // Far away one more sends while each of the others waits for replies.
        int most = roundTrip.isShort() ? lanesWanted() : size + 1;
        for (int present = workers.get(); present < most; present = workers.get()) {
            if (workers.compareAndSet(present, present + 1)) {
                if (!execute(this::work)) {
                    workers.decrementAndGet();
                }
                return;
            }
        }
    }

    private void work() {
        try {
            for (int i = YIELDS; i > 0; i--) {
                if (pending.isEmpty()) {
                    Threads.letOthersRun();
                    continue;
                }
                Lane lane = send(false, System.nanoTime() + commandNanos);
                if (lane == null) {
                    lanes.dialFor(underWay.get());
                    break;
                }
                read(lane, null, System.nanoTime() + commandNanos);
                i = YIELDS;
            }
        } finally {
            workers.decrementAndGet();
        }
        if (!pending.isEmpty() && lanes.busy() < lanes.all().length) {
            wakeOne();
        }
    }

    /** False if there can't be another thread: callers that depend on it wait in vain then, as long as they like. */
    private boolean execute(Runnable work) {
        try {
            dialer.execute(work);
            return true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            return false;
        }
    }

    /**
     * Sleeps until there may be something to do.
     *
     * @return whether the caller was interrupted meanwhile, though it must wait on
     */
    private boolean rest(Call call, long start, long nap) {
        if (call.isPending()) {
            long left = patience(call, start) - System.nanoTime();
            if (left <= 0) {
                giveUpUnsent(call, start);
            } else {
                sleep(call, call.leads() ? Math.min(left, nap) : left);
            }
        } else if (call.isSent()) {
            long left = call.deadline() - System.nanoTime();
            if (left <= 0) {
                giveUp(call);
            } else {
                sleep(call, left);
            }
        }
        return Thread.interrupted() && interrupted(call);
    }

    /** May return early. Virtual threads share an alarm: a timer for each costs as much as the rest of a call. */
    private void sleep(Call call, long nanos) {
        if (call.leads()) {
            call.park(nanos);
            return;
        }
        Thread caller = Thread.currentThread();
        long until = System.nanoTime() + nanos;
        call.alarmAt(until);
        sleepers.put(caller, call);
        try {
            alarm.expect(until);
            call.park();
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // No thread for the alarm.
            call.park(nanos);
        } finally {
            sleepers.remove(caller);
        }
    }

    private boolean interrupted(Call call) {
        if (call.leaveUnsent() || (call.readOnly() && call.leave())) {
            othersGoOn();
            throw errors.interrupted(null);
        }
        return true;
    }

    /** When a call that was not sent gives up: half of its time is for its reply, unless it is connecting that takes so long. */
    private long patience(Call call, long start) {
        long until = call.until();
        long patience = start + Math.min(commandNanos / 2, (until - start) / 2);
        if (lanes.isConnecting()) {
            return until - patience < connectNanos ? until : patience + connectNanos;
        }
        return patience;
    }

    private void giveUpUnsent(Call call, long start) {
        if (call.leaveUnsent()) {
            othersGoOn();
            exhausted.increment();
            throw errors.exhausted(System.nanoTime() - start, lanes.all().length, size, pending.count());
        }
    }

    /**
     * Ends the wait for a reply. A connection that had the whole command timeout is reset; so is one that has a write under
     * way of which nobody would know whether it comes later. A mere reader with less time just goes.
     */
    private void giveUp(Call call) {
        Lane lane = call.lane();
        if (!call.limited() || !call.readOnly()) {
            if (!lane.isBroken()) {
                lane.link().reset(Doom.OVERDUE);
                lane.fail(new IllegalStateException("overdue"));
            }
            // Answered by now, or as soon as its reader has noticed.
            call.park(LONGEST_NAP_NANOS);
        } else if (call.leave()) {
            othersGoOn();
            throw errors.lost(null, Doom.OVERDUE, true);
        }
    }

    /** What a caller that leaves was to do for others, others do. */
    private void othersGoOn() {
        pending.oneLeft();
        for (Lane lane : lanes.all()) {
            if (lane.isUnattended()) {
                passOn(lane);
            }
        }
        wakeOne();
    }

    @Override
    public void renew() {
        lanes.renew();
        wakeOne();
    }

    @Override
    public void disconnect(Throwable cause) {
        pending.fail(() -> errors.disconnected(cause, false));
        lanes.disconnect(cause, false);
    }

    @Override
    public void close() {
        IllegalStateException cause = errors.closed();
        pending.fail(() -> errors.disconnected(cause, false));
        pending.close(errors::closed);
        lanes.disconnect(cause, true);
        dialer.close();
    }

    @Override
    public PoolHealth figures() {
        return new PoolHealth(size, lanes.all().length, lanes.busy(), pending.count(), exhausted.sum());
    }
}

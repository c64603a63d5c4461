package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CallObservers;
import dev.holdfast.cache.DeadlineWatch;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.SparedKeys;
import dev.holdfast.cache.redis.Authentication;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

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

    /** How long a call waits for the next attempt to connect. */
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final long LONGEST_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(64);

    /** How often a call is repeated by itself whose connection the other side closed: chance hits the same small call hardly as often. */
    private static final int REPEATS = 3;

    /** So long a call is repeated whose connections are silent. */
    private static final long SILENCES_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** And a large one, which was by itself from the start. */
    private static final int LARGE_REPEATS = 1;

    private final Connector connector;
    private final JedisErrors errors;
    private final CallObservers observers;
    private final String address;
    private final Restarts restarts;
    private final int size;
    private final long connectNanos;
    private final long commandNanos;
    private final byte[] nobody;
    private final RoundTrip roundTrip = new RoundTrip();
    private final Pending pending = new Pending();
    private final Queue<Call> alone = new ConcurrentLinkedQueue<>();
    private final Pipelines pipelines;
    private final Silence silence;
    private final AtomicBoolean redialling = new AtomicBoolean();
    private final LongAdder exhausted = new LongAdder();
    private final Map<Thread, Call> sleepers = new ConcurrentHashMap<>();
    private final DeadlineWatch<Call> alarm;
    private final AtomicInteger underWay = new AtomicInteger();
    private final AtomicInteger workers = new AtomicInteger();
    private final Reauthentication reauthentication;

    Combiner(SingleConfig config, Connector connector, Reserve reserve, JedisErrors errors, CallObservers observers) {
        this.connector = connector;
        this.errors = errors;
        this.observers = observers;
        this.address = config.address();
        this.restarts = connector.restarts();
        this.size = config.poolSize();
        this.connectNanos = config.connectTimeout().toNanos();
        this.commandNanos = config.commandTimeout().toNanos();
        this.nobody = config.keyPrefix().encodeKey(SparedKeys.CANARY + "nobody");
        this.silence = new Silence(config, connector, reserve);
        this.pipelines = new Pipelines(config, connector, errors, roundTrip, silence, this::dialled);
        this.alarm =
                new DeadlineWatch<>(sleepers.values(), Call::alarmAt, (call, until) -> call.wake(), connector::execute);
        this.reauthentication = new Reauthentication(config, connector.login(), this::sent, this::read);
    }

    private void sent(Pipeline pipeline) {
        silence.expect(pipeline);
    }

    @Override
    public <T extends @Nullable Object> T call(Request command, Reply<T> type, long start, long until) {
        Call call = Call.of(List.of(command), false, until);
        Object reply;
        try {
            reply = answer(call, start);
        } catch (CacheUnavailableException e) {
            Answered answered = repeated(call, List.of(command), false, e);
            call = answered.by();
            reply = answered.reply();
        }
        if (reply instanceof Refusal refusal) {
            if (errors.isReadOnly(refusal)) {
                becameReplica();
            }
            throw errors.refusal(refusal);
        }
        try {
            return type.of(reply, call.pipeline());
        } catch (RuntimeException e) {
            // Requests and replies are out of step, or the other end is no Redis: what follows can't be believed
            // either.
            RuntimeException outOfStep = errors.outOfStep(command, e);
            call.pipeline().fail(outOfStep);
            throw errors.lost(outOfStep, null, true);
        }
    }

    @Override
    public List<@Nullable Object> callAll(List<Request> commands, long start, long until) {
        Call call = Call.of(commands, true, until);
        List<@Nullable Object> replies = new ArrayList<>(commands.size());
        Object all;
        try {
            all = answer(call, start);
        } catch (CacheUnavailableException e) {
            all = repeated(call, commands, true, e).reply();
        }
        if (all instanceof List<?> list) {
            replies.addAll(list);
        }
        if (replies.stream().anyMatch(errors::isReadOnly)) {
            becameReplica();
        }
        replies.replaceAll(reply -> reply instanceof Refusal refusal ? errors.refusal(refusal) : reply);
        return replies;
    }

    /**
     * Repeats a call whose connection broke, if it may be, on connections that it shares with nobody. If the other side closes each
     * of them, though it closes no others meanwhile and answers another call of the same kind, it is this call that it can't bear.
     */
    private Answered repeated(Call first, List<Request> commands, boolean plural, CacheUnavailableException broken) {
        noteClosed(first);
        if (!isRepeatable(first, commands)) {
            throw broken;
        }
        long bytes = commands.stream().mapToLong(Request::bytes).sum();
        int most = bytes >= Call.LARGE_BYTES ? LARGE_REPEATS : REPEATS;
        long lostBefore = pipelines.lost();
        CacheUnavailableException last = broken;
        List<Call> attempts = new ArrayList<>(most);
        int repeats = 0;
        boolean closed = true;
        boolean elsewhere = true;
        long start = System.nanoTime();
        while (elsewhere && repeats < most && first.until() - System.nanoTime() > 0) {
            Call again = Call.again(commands, plural, first.until());
            attempts.add(again);
            repeats++;
            try {
                return new Answered(again, answer(again, System.nanoTime()));
            } catch (CacheUnavailableException e) {
                if (restarts.holds()) {
                    // Not sent again, and what became of the first is as unknown as before.
                    throw broken;
                }
                last = e;
                Lost lost = again.lost();
                closed &= lost != null && lost.closedByServer();
                if (pipelines.lost() - lostBefore > repeats) {
                    noteClosed(again);
                }
                // Silence takes its time, so it is not met again and again.
                elsewhere = lost != null
                        && lost.elsewhere()
                        && (lost.closedByServer() || System.nanoTime() - start < SILENCES_NANOS);
            }
        }
        boolean others = pipelines.lost() - lostBefore > repeats;
        if (closed && repeats == most && !others && getsThrough(commands.get(0).witness(nobody), first.until())) {
            throw errors.unbearable(last, bytes, 1 + repeats);
        }
        // Not before, if only this call's break: whoever asks for what can't be borne has no other caller wait for a
        // connection.
        attempts.forEach(this::noteClosed);
        // The first attempt may have been applied, whatever became of the others.
        boolean readOnly = commands.stream().allMatch(Request::readOnly);
        throw readOnly || last.outcomeUnknown() ? last : errors.again(last, true);
    }

    private void noteClosed(Call attempt) {
        Lost lost = attempt.lost();
        if (lost != null && lost.closedByServer()) {
            pipelines.closedUnderCall(attempt.pipeline().link(), lost);
        }
    }

    /** The reply to a call that was repeated, and the repetition that got it. */
    private record Answered(Call by, @Nullable Object reply) {}

    private static boolean isRepeatable(Call first, List<Request> commands) {
        Lost lost = first.lost();
        return lost != null && lost.elsewhere() && commands.stream().allMatch(Request::harmless);
    }

    /** Whether another call is answered, whatever the answer is. */
    private boolean getsThrough(@Nullable Request witness, long until) {
        if (witness == null) {
            return false;
        }
        long now = System.nanoTime();
        try {
            Object unused = answer(
                    Call.again(List.of(witness), false, until - now < commandNanos ? until : now + commandNanos), now);
            return true;
        } catch (CacheException e) {
            return false;
        }
    }

    private @Nullable Object answer(Call call, long start) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null, false);
        }
        underWay.incrementAndGet();
        boolean interrupted = false;
        try {
            enqueue(call);
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
            if (call.alone()) {
                alone.remove(call);
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (call.wasTaken()) {
            observers.waited(address, call.takenAt() - start);
        }
        return call.takeReply();
    }

    private void enqueue(Call call) {
        if (!call.alone()) {
            pending.add(call);
            return;
        }
        alone.add(call);
        // Whoever closed or disconnected before that did not see it.
        pending.check(call);
    }

    /** Does what is to be done for this call, and for others with it; false if there is nothing that its caller can do. */
    private boolean lead(Call call, boolean anyPipeline) {
        if (call.isPending()) {
            if (!call.leads()) {
                startWorker();
                return false;
            }
            Pipeline pipeline = call.alone() ? sendAlone(call) : send(anyPipeline, call.until());
            if (pipeline != null) {
                attend(pipeline, call);
                return true;
            }
            dial();
            return false;
        }
        return call.isSent() && call.leads() && !isOver(call) && read(call.pipeline(), call, call.deadline());
    }

    /** Whether its caller has no more time, though the connection may have. */
    private static boolean isOver(Call call) {
        return call.limited() && System.nanoTime() - call.deadline() >= 0;
    }

    /** Sends all that is pending on a connection that may take it; returns that, or null if there is none. */
    private @Nullable Pipeline send(boolean anyPipeline, long until) {
        long now = System.nanoTime();
        int callers = underWay.get();
        Pipeline pipeline = pipelines.acquire(anyPipeline ? size : pipelinesWanted(), now, callers);
        if (pipeline == null || isHeld(pipeline)) {
            return null;
        }
        long latest = now + commandNanos;
        pipeline.send(pending.takeAll(), now, until - latest < 0 ? until : latest);
        silence.expect(pipeline);
        // Who came while we were writing found nobody to send for them, and far away no reply comes soon to change
        // that.
        if (!pending.isEmpty() && (!roundTrip.isShort() || !pipeline.isBusy())) {
            wakeOne();
        }
        return pipeline;
    }

    /** Sends one call on a connection that has nothing under way, and gets nothing more before it is answered. */
    private @Nullable Pipeline sendAlone(Call call) {
        long now = System.nanoTime();
        Pipeline pipeline = pipelines.acquireUnused(now, underWay.get());
        if (pipeline == null) {
            return null;
        }
        if (isHeld(pipeline)) {
            // It may have been taken from those that wait.
            call.failUnsent(restarts::refused);
            return null;
        }
        // To write something large may take as long as its caller likes, while it gets on.
        pipeline.send(call, now, call.until());
        silence.expect(pipeline);
        return pipeline;
    }

    /** Whether nothing may be sent yet, since the server was started anew, which is known by the time that a connection was acquired. Who waits is told. */
    private boolean isHeld(Pipeline pipeline) {
        if (!restarts.holds()) {
            return false;
        }
        pipeline.release();
        failAll(restarts::refused);
        return true;
    }

    /** Opens connections, or has somebody try again when the pause is over. */
    private void dial() {
        pipelines.dialFor(underWay.get());
        long pause = pipelines.pause();
        if (pause <= 0 || !redialling.compareAndSet(false, true)) {
            return;
        }
        boolean begun = false;
        try {
            begun = execute(() -> redial(pause));
        } finally {
            if (!begun) {
                redialling.set(false);
            }
        }
    }

    private void redial(long pause) {
        try {
            LockSupport.parkNanos(pause);
        } finally {
            redialling.set(false);
        }
        if (pending.first() != null || !alone.isEmpty()) {
            dial();
        }
    }

    private int pipelinesWanted() {
        return underWay.get() < MANY_CALLERS ? size : Math.min(FEW_LANES, size);
    }

    private boolean read(Pipeline pipeline, @Nullable Call own, long until) {
        if (!pipeline.read(own, until)) {
            return false;
        }
        if (pipeline.isUnattended()) {
            passOn(pipeline);
        } else {
            pipelines.isDone(pipeline);
        }
        wakeOne();
        return true;
    }

    /**
     * To be called by whoever has sent: sees that the replies are read, by its caller if its own call is among them. It may
     * not be: somebody else may have sent that meanwhile, elsewhere.
     */
    private void attend(Pipeline pipeline, Call own) {
        boolean readsItself = own.isSent() && own.leads() && own.pipeline() == pipeline;
        if (!readsItself && pipeline.isUnattended()) {
            passOn(pipeline);
        }
    }

    /** Has the replies of this connection read, unless somebody does already. */
    private void passOn(Pipeline pipeline) {
        Call next = pipeline.successor();
        if (next == null) {
            return;
        }
        if (next.isSent() && next.leads()) {
            next.wake();
        } else {
            // Also when all have left: the connection is of use again once their replies are out of the way.
            execute(() -> read(pipeline, null, System.nanoTime() + commandNanos));
        }
    }

    /** Lets one of the callers whose calls were not sent look for a connection. */
    private void wakeOne() {
        Call first = pending.first();
        if (first == null) {
            first = alone.peek();
        }
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
            failAll(() -> errors.again(failure, false));
        }
        wakeOne();
    }

    private void failAll(Supplier<RuntimeException> why) {
        pending.fail(why);
        for (Call call : alone) {
            call.failUnsent(why);
        }
    }

    /** Lets a thread of ours send and read for callers that can't. */
    private void startWorker() {
        // Far away one more sends while each of the others waits for replies.
        int most = roundTrip.isShort() ? pipelinesWanted() : size + 1;
        for (int present = workers.get(); present < most; present = workers.get()) {
            if (workers.compareAndSet(present, present + 1)) {
                beginWork();
                return;
            }
        }
    }

    private void beginWork() {
        boolean begun = false;
        try {
            begun = execute(this::work);
        } finally {
            if (!begun) {
                workers.decrementAndGet();
            }
        }
    }

    private void work() {
        try {
            for (int i = YIELDS; i > 0; i--) {
                Call large = alone.poll();
                if (large == null && pending.isEmpty()) {
                    Threads.letOthersRun();
                    continue;
                }
                Pipeline pipeline = large == null ? send(false, System.nanoTime() + commandNanos) : sendAlone(large);
                if (pipeline == null) {
                    if (large != null && large.isPending()) {
                        alone.add(large);
                    }
                    dial();
                    break;
                }
                read(pipeline, null, System.nanoTime() + commandNanos);
                i = YIELDS;
            }
        } finally {
            workers.decrementAndGet();
        }
        if (!pending.isEmpty() && pipelines.busy() < pipelines.all().length) {
            wakeOne();
        }
    }

    /** False if there can't be another thread: callers that depend on it wait in vain then, as long as they like. */
    private boolean execute(Runnable work) {
        try {
            connector.execute(work);
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
            failAtOnceIfNobodyConnects(call);
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
        boolean unsent = call.leaveUnsent();
        if (unsent || (call.readOnly() && call.leave())) {
            handToOthers();
            throw errors.interrupted(null, !unsent);
        }
        return true;
    }

    /** While attempts to connect keep failing, who comes waits for the next only if it is soon. */
    private void failAtOnceIfNobodyConnects(Call call) {
        CacheUnavailableException failure = pipelines.lastFailure();
        if (failure != null
                && pipelines.all().length == 0
                && !pipelines.isConnecting()
                && pipelines.pause() > LONGEST_PAUSE_NANOS
                && call.leaveUnsent()) {
            handToOthers();
            throw errors.again(failure, false);
        }
    }

    /** When a call that was not sent gives up: half of its time is for its reply, unless it is connecting that takes so long. */
    private long patience(Call call, long start) {
        long until = call.until();
        long patience = start + Math.min(commandNanos / 2, (until - start) / 2);
        if (pipelines.isConnecting()) {
            return until - patience < connectNanos ? until : patience + connectNanos;
        }
        long openedAt = pipelines.openedAt();
        if (openedAt != 0 && openedAt - start > 0) {
            // What was waited for is there: it is not given up at the very moment.
            long again = openedAt + Math.min(commandNanos / 2, (until - openedAt) / 2);
            return again - patience > 0 ? again : patience;
        }
        return patience;
    }

    private void giveUpUnsent(Call call, long start) {
        if (call.leaveUnsent()) {
            handToOthers();
            exhausted.increment();
            throw errors.exhausted(System.nanoTime() - start, pipelines.all().length, size, waiting());
        }
    }

    /**
     * Ends the wait for a reply. A connection that had the whole command timeout is reset; so is one that has a write under
     * way of which nobody would know whether it comes later. A mere reader with less time just goes.
     */
    private void giveUp(Call call) {
        Pipeline pipeline = call.pipeline();
        if (!call.limited() || !call.readOnly()) {
            if (!pipeline.isBroken()) {
                pipeline.link().reset(call.limited() ? CloseReason.CALLER_OVERDUE : CloseReason.OVERDUE);
            }
            // Also of one that is broken already: an Error may have kept whoever broke it from telling all.
            pipeline.fail(new IOException("overdue"));
            // Answered by now, or as soon as its reader has noticed.
            call.park(LONGEST_NAP_NANOS);
        } else if (call.leave()) {
            handToOthers();
            throw errors.lost(null, CloseReason.CALLER_OVERDUE, true);
        }
    }

    /** What a caller that leaves was to do for others, others do. */
    private void handToOthers() {
        pending.oneLeft();
        for (Pipeline pipeline : pipelines.all()) {
            if (pipeline.isUnattended()) {
                passOn(pipeline);
            }
        }
        wakeOne();
    }

    private void becameReplica() {
        connector.doubtPlace();
        renew();
    }

    @Override
    public void renew() {
        pipelines.renew();
        wakeOne();
    }

    @Override
    public void disconnect(Throwable cause) {
        failAll(() -> errors.disconnected(cause, false));
        pipelines.disconnect(cause, false);
    }

    @Override
    public void switchOver(Throwable why) {
        pipelines.switchOver(why);
        connector.backoff().ready();
        wakeOne();
    }

    @Override
    public void authenticate(Authentication words) {
        reauthentication.of(pipelines.all(), words);
    }

    @Override
    public void close() {
        IllegalStateException cause = errors.closed();
        failAll(() -> errors.disconnected(cause, false));
        pending.close(errors::closed);
        pipelines.disconnect(cause, true);
        silence.stop();
        alarm.stop();
        connector.close();
    }

    private int waiting() {
        return pending.count() + (int) alone.stream().filter(Call::isPending).count();
    }

    @Override
    public PoolHealth figures() {
        return new PoolHealth(
                size, pipelines.all().length, pipelines.busy(), waiting(), exhausted.sum(), connector.failedDials());
    }
}

package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.redis.Authentication;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A bounded number of connections that callers share: a call that finds one unused has it for itself; those that come
 * while all are in use are sent together, in one write, by the first who can, and one of them reads the replies for all.
 * Nothing waits for a batch to fill, and no thread stands between. With a server that is far away a connection takes the
 * next batch before it has answered the last. Times are those of {@link System#nanoTime()}. For any number of threads.
 *
 * <p>Whatever goes wrong is thrown as the {@link CacheException} that names it; use after {@link #close} is an
 * {@link IllegalStateException}.
 */
final class Combiner {
    /** How often a caller lets others run before it sleeps. */
    private static final int YIELDS = 20;

    /** From how many callers on few connections serve better than all: the batches are larger. */
    private static final int MANY_CALLERS = 12;

    private static final int FEW_LANES = 2;

    private final Connector connector;
    private final JedisErrors errors;
    private final CallObservers observers;
    private final String address;
    private final Restarts restarts;
    private final int size;
    private final long commandNanos;
    private final RoundTrip roundTrip = new RoundTrip();
    private final Pending pending = new Pending();
    private final Queue<Call> alone = new ConcurrentLinkedQueue<>();
    private final Pipelines pipelines;
    private final Silence silence;
    private final AtomicBoolean redialling = new AtomicBoolean();
    private final Waits waits;
    private final Repetitions repetitions;
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
        this.commandNanos = config.commandTimeout().toNanos();
        this.silence = new Silence(config, connector, reserve);
        this.pipelines = new Pipelines(config, connector, errors, roundTrip, silence, this::dialled);
        this.waits = new Waits(config, pipelines, errors, connector::execute, this::waiting, this::handToOthers);
        this.repetitions = new Repetitions(config, pipelines, restarts, errors, this::answer);
        this.reauthentication = new Reauthentication(config, connector.login(), this::sent, this::read);
    }

    private void sent(Pipeline pipeline) {
        silence.expect(pipeline);
    }

    /**
     * Sends a command and waits for its reply.
     *
     * @param command the command
     * @param type what the reply has to be: if it is not, requests and replies are out of step, and the connection is lost
     * @param start when the call began
     * @param until when it must have ended
     * @return the reply
     */
    <T extends @Nullable Object> T call(Request command, Reply<T> type, long start, long until) {
        Call call = Call.of(List.of(command), false, until);
        Object reply;
        try {
            reply = answer(call, start);
        } catch (CacheUnavailableException e) {
            Repetitions.Answered answered = repetitions.repeated(call, List.of(command), false, e);
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

    /**
     * Sends several commands in one go and waits for all replies.
     *
     * @param commands the commands
     * @param start when the call began
     * @param until when it must have ended
     * @return a reply for each, in their order; a refusal stands there as a {@link RuntimeException} that is ready to be
     *     thrown
     */
    List<@Nullable Object> callAll(List<Request> commands, long start, long until) {
        Call call = Call.of(commands, true, until);
        List<@Nullable Object> replies = new ArrayList<>(commands.size());
        Object all;
        try {
            all = answer(call, start);
        } catch (CacheUnavailableException e) {
            all = repetitions.repeated(call, commands, true, e).reply();
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

    private @Nullable Object answer(Call call, long start) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null, false);
        }
        underWay.incrementAndGet();
        boolean interrupted = false;
        try {
            enqueue(call);
            long nap = Waits.FIRST_NAP_NANOS;
            for (int i = call.leads() && roundTrip.isShort() ? YIELDS : 0; !call.isAnswered(); i--) {
                if (lead(call, nap > Waits.FIRST_NAP_NANOS)) {
                    continue;
                }
                if (i > 0) {
                    Threads.letOthersRun();
                } else {
                    interrupted |= waits.rest(call, start, nap);
                    nap = Math.min(2 * nap, Waits.LONGEST_NAP_NANOS);
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

    /** Closes what is idle, and what is in use once its call has ended; the name is resolved anew. */
    void renew() {
        pipelines.renew();
        wakeOne();
    }

    /**
     * Fails every call that is under way, connecting or waiting, now.
     *
     * @param cause why
     */
    void disconnect(Throwable cause) {
        failAll(() -> errors.disconnected(cause, false));
        pipelines.disconnect(cause, false);
    }

    /**
     * Leaves the present server for another one. What was sent and may be sent twice is repeated there.
     *
     * @param why why
     */
    void switchOver(Throwable why) {
        pipelines.switchOver(why);
        connector.backoff().ready();
        wakeOne();
    }

    /** Logs in anew whichever connections have other words than these, between calls. Blocks for a bounded time. */
    void authenticate(Authentication words) {
        reauthentication.of(pipelines.all(), words);
    }

    /** Disconnects for good. Idempotent. */
    void close() {
        IllegalStateException cause = errors.closed();
        failAll(() -> errors.disconnected(cause, false));
        pending.close(errors::closed);
        pipelines.disconnect(cause, true);
        silence.stop();
        waits.stop();
        connector.close();
    }

    private int waiting() {
        return pending.count() + (int) alone.stream().filter(Call::isPending).count();
    }

    /** The figures. */
    PoolHealth figures() {
        return new PoolHealth(
                size, pipelines.all().length, pipelines.busy(), waiting(), waits.exhausted(), connector.failedDials());
    }
}

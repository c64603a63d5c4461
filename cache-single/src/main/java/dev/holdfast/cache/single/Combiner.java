package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.redis.Authentication;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
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
    private final Pipelines pipelines;
    private final Dials dials;
    private final Silence silence;
    private final Waits waits;
    private final Repetitions repetitions;
    private final AtomicInteger underWay = new AtomicInteger();
    private final SenderThreads workers;
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
        this.pipelines = new Pipelines(
                config, connector, errors, roundTrip, silence, new Proofs(connector, roundTrip, this::wakeOne));
        this.dials = new Dials(config, connector, errors, roundTrip, pipelines, this::dialled, this::wanted);
        this.waits =
                new Waits(config, pipelines, dials, errors, connector::execute, pending::count, this::handToOthers);
        this.repetitions = new Repetitions(config, pipelines, dials, restarts, errors, this::answer);
        this.workers = new SenderThreads(connector, this::work, this::workerLeft);
        this.reauthentication = new Reauthentication(config, connector.login(), silence::expect, this::read);
    }

    /**
     * Sends commands in one go and waits for their replies; again, if their connection breaks and that does no harm.
     *
     * @param plural whether what is answered is a list, of the reply to each
     * @param start when the call began
     * @param until when it must have ended
     */
    Repetitions.Answered answer(List<Request> commands, boolean plural, long start, long until) {
        Call call = Call.of(commands, plural, until);
        try {
            return new Repetitions.Answered(call, answer(call, start));
        } catch (CacheUnavailableException e) {
            return repetitions.repeated(call, commands, plural, e);
        }
    }

    private @Nullable Object answer(Call call, long start) {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null, false);
        }
        underWay.incrementAndGet();
        boolean interrupted = false;
        try {
            pending.add(call);
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
            pending.ended(call);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (call.wasTaken()) {
            observers.waited(address, call.takenAt() - start);
        }
        return call.takeReply();
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
            dials.dialFor(underWay.get());
            return false;
        }
        return call.isSent() && call.leads() && !call.isOver() && read(call.pipeline(), call, call.deadline());
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
        pending.fail(restarts::refused);
        return true;
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
            pipeline.discardUnlessOf(connector.generation());
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
        if (!readsItself) {
            passOn(pipeline);
        }
    }

    /** Has the replies of this connection read, unless somebody does already. */
    private void passOn(Pipeline pipeline) {
        Call next = pipeline.isUnattended() ? pipeline.successor() : null;
        if (next == null) {
            return;
        }
        if (next.isSent() && next.leads()) {
            next.wake();
        } else {
            // Also when all have left: the connection is of use again once their replies are out of the way.
            SenderThreads.execute(connector, () -> read(pipeline, null, System.nanoTime() + commandNanos));
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

    /** How many callers could use a connection; 0 if no call waits for one. */
    private int wanted() {
        return pending.first() == null ? 0 : underWay.get();
    }

    private void dialled(@Nullable CacheUnavailableException failure) {
        if (failure != null) {
            pending.fail(() -> errors.again(failure, false));
        }
        wakeOne();
    }

    /** Lets a thread of ours send and read for callers that can't. */
    private void startWorker() {
        // Far away one more sends while each of the others waits for replies.
        workers.start(roundTrip.isShort() ? pipelinesWanted() : size + 1);
    }

    private void work() {
        for (int i = YIELDS; i > 0; i--) {
            Call large = pending.takeAlone();
            if (large == null && pending.isEmpty()) {
                Threads.letOthersRun();
                continue;
            }
            Pipeline pipeline;
            try {
                pipeline = large == null ? send(false, System.nanoTime() + commandNanos) : sendAlone(large);
            } finally {
                // Also when an Error ends this thread: another has to find it.
                if (large != null && large.isPending()) {
                    pending.add(large);
                }
            }
            if (pipeline == null) {
                dials.dialFor(underWay.get());
                break;
            }
            read(pipeline, null, System.nanoTime() + commandNanos);
            i = YIELDS;
        }
    }

    /** What came as a worker ended had none to begin for it. */
    private void workerLeft() {
        if (pending.first() != null && pipelines.isAnyFree()) {
            wakeOne();
        }
    }

    /** What a caller that leaves was to do for others, others do. */
    private void handToOthers() {
        pending.oneLeft();
        for (Pipeline pipeline : pipelines.all()) {
            passOn(pipeline);
        }
        wakeOne();
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
        pending.fail(() -> errors.disconnected(cause, false));
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
        pending.fail(() -> errors.disconnected(cause, false));
        pending.close(errors::closed);
        pipelines.disconnect(cause, true);
        silence.stop();
        waits.stop();
        connector.close();
    }

    /** The figures. */
    PoolHealth figures() {
        int open = pipelines.all().length;
        return new PoolHealth(
                size, open, pipelines.busy(), pending.count(), waits.exhausted(), connector.failedDials());
    }
}

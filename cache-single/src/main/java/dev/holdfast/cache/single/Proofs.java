package dev.holdfast.cache.single;

import java.io.IOException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Which connections may carry a call although they were idle: one that the server has closed, or on which it has spoken unasked, is given up; one that may have been forgotten
 * on the way proves itself first, by an answer, on a thread of ours. Thread-safe.
 */
final class Proofs {
    private static final long DISTRUST_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How long a connection may take at least to prove itself. */
    private static final long PROOF_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Connector connector;
    private final RoundTrip roundTrip;
    private final Runnable whenEnded;
    private final AtomicInteger proving = new AtomicInteger();

    /**
     * Creates one.
     *
     * @param whenEnded called when a connection has proven itself, or has not
     */
    Proofs(Connector connector, RoundTrip roundTrip, Runnable whenEnded) {
        this.connector = connector;
        this.roundTrip = roundTrip;
        this.whenEnded = whenEnded;
    }

    /** Finds out whether the server has closed it, or spoken, while nobody used it, or may have forgotten it. */
    boolean isTrusted(Pipeline pipeline, long now, int callers) {
        if (pipeline.inFlight() != 0) {
            return true;
        }
        boolean closed = pipeline.link().streams().hasMore();
        if (!closed && pipeline.needsProof(now)) {
            prove(pipeline, callers);
            return false;
        }
        if (!closed
                && (now - pipeline.usedAt() < DISTRUST_NANOS
                        || !pipeline.link().streams().isStale())) {
            return true;
        }
        pipeline.release();
        pipeline.fail(new IOException("the server closed the connection"));
        return false;
    }

    /** Has one that nothing is under way on prove itself, if nobody writes to it. */
    void proveUnused(Pipeline pipeline, int callers) {
        if (pipeline.tryAcquire(true)) {
            prove(pipeline, callers);
        }
    }

    /** Has it prove itself on a thread of ours, with the right to write, unless as many do so as there are callers. */
    private void prove(Pipeline pipeline, int callers) {
        if (proving.get() >= callers) {
            pipeline.release();
            return;
        }
        proving.incrementAndGet();
        boolean begun = false;
        try {
            connector.execute(() -> proveNow(pipeline));
            begun = true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // It is given up unproven.
        } finally {
            if (!begun) {
                isProven(pipeline, false);
            }
        }
    }

    private void proveNow(Pipeline pipeline) {
        boolean answers = false;
        try {
            answers = pipeline.prove(System.nanoTime() + Math.max(PROOF_NANOS, roundTrip.silenceNanos()));
        } finally {
            isProven(pipeline, answers);
        }
    }

    private void isProven(Pipeline pipeline, boolean answers) {
        proving.decrementAndGet();
        try {
            if (!answers) {
                // Before anybody may write to it.
                pipeline.link().reset(CloseReason.SILENT);
                pipeline.fail(new IOException("no answer on a connection that had been idle"));
            }
        } finally {
            pipeline.release();
        }
        if (answers) {
            pipeline.discardUnlessOf(connector.generation());
        }
        whenEnded.run();
    }
}

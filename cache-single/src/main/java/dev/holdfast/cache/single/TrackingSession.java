package dev.holdfast.cache.single;

import dev.holdfast.cache.redis.TrackingDialogue;
import dev.holdfast.cache.redis.UntrackedException;
import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/** One tracking connection, read by the thread that runs it, to its end, which is an exception. */
final class TrackingSession implements TrackingDialogue.Carrier {
    private static final int BUFFER_BYTES = 64 * 1024;

    private final Link link;
    private final Connector connector;
    private final ReentrantLock writing = new ReentrantLock();

    private TrackingSession(Link link, Connector connector) {
        this.link = link;
        this.connector = connector;
    }

    /** Opens one. */
    static TrackingSession open(Connector connector, long patienceNanos) throws IOException {
        Link link = connector.dial();
        try {
            return new TrackingSession(link.opened().get(patienceNanos, TimeUnit.NANOSECONDS), connector);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            connector.discard(link);
            throw new IOException("the tracking connection could not be opened", e);
        }
    }

    Link link() {
        return link;
    }

    /** What is told on a connection is of use only if reads are known to lead to the same process. */
    void requireKnown() throws IOException {
        String process = link.process();
        if (process == null || !Restarts.isRunId(process)) {
            throw new UntrackedException(
                    "INFO does not say which process it is, so that a change of servers would go unnoticed");
        }
        if (connector.restarts().areSeveralNow()) {
            throw new UntrackedException("several servers answer at its address");
        }
        if (!connector.restarts().isPresent(process)) {
            throw new IOException("another process answered reads meanwhile");
        }
    }

    @Override
    public void send(byte[] command) throws IOException {
        writing.lock();
        try {
            link.streams().send(command);
        } finally {
            writing.unlock();
        }
    }

    /** Carries a dialogue. Returns when it is not wanted any more. */
    void run(TrackingDialogue dialogue, BooleanSupplier wanted) throws IOException {
        dialogue.begin();
        byte[] buffer = new byte[BUFFER_BYTES];
        long beatAt = System.nanoTime() + TrackingDialogue.BEAT_NANOS;
        while (wanted.getAsBoolean()) {
            long now = System.nanoTime();
            if (now - beatAt >= 0) {
                dialogue.beat();
                beatAt = now + TrackingDialogue.BEAT_NANOS;
            }
            long until = dialogue.answerUntil();
            // Also of an answer that drips or of a connection that takes no questions.
            link.reading().begin(until);
            connector.watch().expect(until);
            int count = link.streams().receive(buffer, beatAt - until < 0 ? beatAt : until);
            if (count > 0) {
                dialogue.feed(buffer, 0, count);
            } else if (System.nanoTime() - until >= 0) {
                link.reset(CloseReason.OVERDUE);
                throw new IOException("no answer on the tracking connection in time");
            }
        }
    }
}

package dev.holdfast.streams;

import dev.holdfast.streams.Steps.LeftException;
import dev.holdfast.streams.Steps.OverException;
import dev.holdfast.streams.Steps.RefusedException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The attempts of a worker's handler at one request, each counted as a delivery, until there is an answer or the request is a dead letter.
 * Of one thread.
 */
final class Attempts {
    private static final Logger LOG = LoggerFactory.getLogger(Attempts.class);

    private final Worker worker;
    private final Partition partition;
    private final StreamReply.Entry entry;
    private final long payloadBytes;
    private final Steps steps;
    private int delivery;
    private boolean started;
    private boolean buried;

    Attempts(Worker worker, Partition partition, Partition.Taken taken, Steps steps) {
        this.worker = worker;
        this.partition = partition;
        this.entry = taken.entry();
        this.payloadBytes = taken.payloadBytes();
        this.delivery = taken.delivery();
        this.steps = steps;
    }

    /** The number of this delivery, from 1. */
    int delivery() {
        return delivery;
    }

    /** Whether the request was delivered more often than it may be. */
    boolean areTooMany() {
        return delivery > worker.config().maxDeliveries();
    }

    /** Whether the handler was called. */
    boolean started() {
        return started;
    }

    /** Whether the request is a dead letter. */
    boolean isBuried() {
        return buried;
    }

    /** Runs the handler until it has an answer or the request is to be given up. */
    Answer run(String id, byte[] payload, long tries) {
        if (tries > worker.config().maxDeliveries()) {
            return giveUp("no worker that had it has answered");
        }
        started = true;
        while (true) {
            // Its own array: the next attempt and the dead letter have it as it was sent. Outside of the attempt, as is
            // the answer's copy: want of memory for them is no failure of the handler.
            Request request = new Request(id, payload.clone(), delivery, steps.deadline());
            byte[] result = null;
            Throwable failure = null;
            try {
                result = worker.handler().handle(request);
            } catch (RequestFailedException e) {
                return Answer.failure(String.valueOf(e.getMessage()));
            } catch (Throwable e) {
                failure = e;
            } finally {
                // It was meant for the handler. In a virtual thread it would close the connection to Redis.
                Thread.interrupted();
            }
            if (result != null) {
                return answer(result);
            }
            if (failure == null) {
                failure = new NullPointerException("the handler returned null");
            }
            if (worker.ended()) {
                throw new LeftException();
            }
            worker.counters().attemptsFailed.increment();
            HandlerFailure.log(LOG, "delivery " + delivery + " of " + id + " failed", failure);
            if (delivery >= worker.config().maxDeliveries()) {
                return giveUp(HandlerFailure.reason(failure));
            }
            deliverAgain();
            steps.requireTime(failure);
        }
    }

    private Answer answer(byte[] result) {
        if (result.length > worker.config().maxPayloadBytes()) {
            return Answer.failure("the answer has " + result.length + " bytes, more than "
                    + worker.config().maxPayloadBytes());
        }
        return Answer.result(result);
    }

    /** Redis counts the delivery, so it counts for whoever takes over, too. */
    private void deliverAgain() {
        steps.rest(Math.min(50_000_000L * delivery, Math.max(0, steps.deadline() - System.nanoTime())));
        count(delivery + 1);
        delivery++;
    }

    /** Has Redis know how often the request was delivered. */
    void count(int deliveries) {
        try {
            steps.take(() -> worker.redis()
                    .call(Script.CLAIM.on(partition.stream(), Keys.GROUP, worker.consumer(), deliveries, entry.id())));
        } catch (RefusedException e) {
            // The group is gone, and with it the count.
        }
    }

    /** The answer to a request that is given up, which becomes a dead letter, once. */
    Answer giveUp(String reason) {
        if (!buried) {
            bury(reason);
        }
        return Answer.failure("given up after " + worker.config().maxDeliveries() + " deliveries: " + reason);
    }

    /** A letter that Redis does not take until the deadline is lost, but for the log. */
    void bury(String reason) {
        buried = true;
        worker.counters().dead.increment();
        LOG.warn("{} of {} is a dead letter: {}", entry.id(), partition, reason);
        try {
            steps.take(() -> worker.redis().call(DeadLetter.of(partition, entry, payloadBytes, delivery, reason)));
        } catch (OverException | RefusedException e) {
            LOG.warn("the dead letter {} of {} is not kept: {}", entry.id(), partition, Trouble.shown(e));
        }
    }
}

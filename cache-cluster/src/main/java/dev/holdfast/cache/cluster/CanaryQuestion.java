package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.CanaryLog;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** One question to a canary, on one connection: the next number is written, and the one before comes back. */
final class CanaryQuestion {
    private final Prober prober;
    private final Link link;
    private final CanaryLog canary;
    private final CanaryLog.Question question;
    private final CompletableFuture<Finding> finding = new CompletableFuture<>();

    CanaryQuestion(Prober prober, Link link, CanaryLog canary) {
        this.prober = prober;
        this.link = link;
        this.canary = canary;
        this.question = canary.ask();
    }

    /** Asks; what it finds never fails. */
    CompletableFuture<Finding> ask() {
        Request<byte[]> swap = Requests.swap(canary.key(), question.digits(), CanaryLog.LIFE_MILLIS);
        CompletableFuture<?> unused = link.ask(swap).whenComplete((before, failure) -> {
            if (failure == null) {
                answered(before);
            } else {
                failed(failure);
            }
        });
        return finding;
    }

    private void failed(Throwable failure) {
        boolean refused = FailureKind.isOfWritesOnly(failure);
        if (failure instanceof UnsentException || refused) {
            canary.withdraw(question);
        }
        if (FailureKind.of(failure) == FailureKind.ASK) {
            prober.canaries().giveUp(canary);
        }
        if (refused && !prober.isCompared()) {
            lookOnly(failure);
        } else {
            finding.complete(prober.found(failure));
        }
    }

    /** One that refuses writes may be read, so its canary is compared without being written. */
    private void lookOnly(Throwable refusal) {
        CompletableFuture<?> unused = link.ask(Requests.get(canary.key())).whenComplete((present, failure) -> {
            if (failure != null) {
                finding.complete(prober.found(failure));
            } else if (!canary.canBeAnswer(present)) {
                finding.complete(prober.outOfStep(link));
            } else {
                if (canary.isLoss(question, present, link)) {
                    prober.canaries().outages().lost();
                    canary.seen(present);
                }
                prober.compared();
                finding.complete(prober.found(refusal));
            }
        });
    }

    /** A loss is believed of a connection only whose replies are shown to be those to its commands: else it is the connection's fault. */
    private void answered(byte @Nullable [] before) {
        if (!canary.canBeAnswer(before)) {
            finding.complete(prober.outOfStep(link));
        } else if (!canary.isLoss(question, before, link)) {
            acknowledged(before);
        } else {
            byte[] word = Pairing.newWord();
            CompletableFuture<?> unused = link.ask(Requests.ping(word)).whenComplete((reply, failure) -> {
                boolean shifted = failure == null
                        ? Pairing.isOfAnother(word, reply)
                        : failure.getCause() instanceof MalformedReplyException;
                if (shifted) {
                    finding.complete(prober.outOfStep(link));
                } else {
                    acknowledged(before);
                }
            });
        }
    }

    private void acknowledged(byte @Nullable [] before) {
        prober.compared();
        if (canary.acknowledge(question, before, link)) {
            prober.canaries().outages().lost();
        }
        finding.complete(prober.found(null));
    }
}

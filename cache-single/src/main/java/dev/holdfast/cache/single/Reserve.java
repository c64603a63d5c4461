package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.redis.Authentication;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A connection that no caller uses, kept for questions whether the server answers. What happens to one connection says
 * nothing of the server: if it does not answer soon, a fresh one is tried beside it, and only if that fails too has the
 * server failed. Thread-safe.
 */
final class Reserve {
    private final SingleConfig config;
    private final Connector connector;
    private final JedisErrors errors;
    private final AtomicReference<@Nullable Link> kept = new AtomicReference<>();

    Reserve(SingleConfig config, Connector connector, JedisErrors errors) {
        this.config = config;
        this.connector = connector;
        this.errors = errors;
    }

    /**
     * Sends commands that may be sent twice, and waits for their replies.
     *
     * @param until when they must have come
     * @param freshAt when a fresh connection is tried beside the one that was kept
     * @return a reply for each, refusals among them
     * @throws CacheException if nothing was answered
     */
    List<@Nullable Object> ask(List<Request> commands, long until, long freshAt) {
        return ask(commands, until, freshAt, () -> {}).replies();
    }

    /**
     * What was answered.
     *
     * @param replies one for each command, refusals among them
     * @param connection on which
     */
    record Answer(List<@Nullable Object> replies, Link connection) {}

    /**
     * As the other one.
     *
     * @param twice is run before they are asked on a second connection: on the first they may then still be executed, at any time
     */
    Answer ask(List<Request> commands, long until, long freshAt, Runnable twice) {
        Link before = take();
        Question first = new Question(before == null ? connector.dial() : before, commands, until);
        boolean alone;
        try {
            alone = before == null || first.isAnsweredBy(freshAt - until < 0 ? freshAt : until);
        } catch (CacheException e) {
            keep(first);
            throw e;
        }
        if (alone) {
            return ended(first, null, until);
        }
        twice.run();
        Question second = new Question(connector.dial(), commands, until);
        return ended(first, second, until);
    }

    private Answer ended(Question first, @Nullable Question second, long until) {
        try {
            CompletableFuture<Question> any = second == null ? first.ended : first.orElse(second);
            Question answered = any.get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
            connector.backoff().ready();
            return new Answer(answered.replies(), answered.link);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException e) {
            throw timeout(second == null ? first : second, e);
        } catch (ExecutionException e) {
            throw errors.failureOf(e.getCause() == null ? e : e.getCause());
        } finally {
            keep(first);
            if (second != null) {
                keep(second);
            }
        }
    }

    private CacheTimeoutException timeout(Question question, TimeoutException e) {
        String what;
        if (question.link.opened().isDone()) {
            what = "no answer from Redis at " + config.address();
        } else if (question.link.localPort() == 0) {
            what = "could not connect to Redis at " + config.address();
        } else if (config.tls() != null) {
            what = "connected to " + config.address()
                    + ", but the TLS handshake was not answered (is it a port for TLS?)";
        } else {
            what = "connected to " + config.address()
                    + ", but it does not answer (does it expect TLS, as in rediss://, or is it no Redis?)";
        }
        return new CacheTimeoutException(what + " within the probe's time", e, false);
    }

    /** Closes the connection that is kept if it is logged in with other words than these. */
    void forget(Authentication words) {
        Link link = kept.get();
        if (link != null && link.opened().isDone() && !words.equals(link.words()) && kept.compareAndSet(link, null)) {
            connector.discard(link);
        }
    }

    private @Nullable Link take() {
        Link link = kept.getAndSet(null);
        if (link != null
                && (link.closeReason() != null
                        || link.generation() != connector.generation()
                        || !connector.restarts().isPresent(link.process()))) {
            connector.discard(link);
            return null;
        }
        return link;
    }

    /** Keeps its connection if it is as good as before, or still being opened; closes it otherwise. */
    private void keep(Question question) {
        boolean good = question.isAnswered() || !question.link.opened().isDone();
        if (!good || !kept.compareAndSet(null, question.link)) {
            connector.discard(question.link);
        }
    }

    /** Commands on their way, on one connection. */
    private final class Question {
        final Link link;
        final CompletableFuture<Question> ended;
        private volatile @Nullable List<@Nullable Object> replies;

        Question(Link link, List<Request> commands, long until) {
            this.link = link;
            CompletableFuture<Question> end;
            try {
                end = link.opened().thenApplyAsync(same -> sent(commands, until), connector::execute);
            } catch (RejectedExecutionException | OutOfMemoryError e) {
                end = CompletableFuture.failedFuture(e);
            }
            this.ended = end;
        }

        private Question sent(List<Request> commands, long until) {
            List<@Nullable Object> answer;
            if (until - System.nanoTime() <= 0) {
                // Nobody waits for it any more, but the next question may be asked on the connection.
                throw new CompletionException(new TimeoutException("it was opened too late"));
            }
            try {
                link.reading().begin(until);
                connector.watch().expect(until);
                answer = link.streams().callAll(commands);
            } catch (IOException | RuntimeException e) {
                throw new CompletionException(errors.lost(e, closeReason(), true));
            }
            if (!link.reading().end()) {
                throw new CompletionException(errors.lost(null, closeReason(), true));
            }
            replies = answer;
            return this;
        }

        /** A question has the time that whoever asks gives it. */
        private @Nullable CloseReason closeReason() {
            CloseReason closeReason = link.closeReason();
            return closeReason != null && closeReason.overdue() ? CloseReason.CALLER_OVERDUE : closeReason;
        }

        boolean isAnswered() {
            return replies != null;
        }

        List<@Nullable Object> replies() {
            List<@Nullable Object> answer = replies;
            return answer == null ? List.of() : answer;
        }

        boolean isAnsweredBy(long time) {
            try {
                ended.get(Math.max(0, time - System.nanoTime()), TimeUnit.NANOSECONDS);
                return true;
            } catch (InterruptedException e) {
                throw errors.interrupted(e);
            } catch (TimeoutException e) {
                return false;
            } catch (ExecutionException e) {
                CacheUnavailableException failure = errors.failureOf(e.getCause() == null ? e : e.getCause());
                if (failure.reason() == Reason.DISCONNECTED) {
                    // On purpose, and not for us to make up for.
                    throw failure;
                }
                return false;
            }
        }

        /** The first of both that is answered; fails, as the other one, only if both do. */
        CompletableFuture<Question> orElse(Question other) {
            CompletableFuture<Question> either = new CompletableFuture<>();
            CompletableFuture<Void> unusedFirst = ended.thenAccept(either::complete);
            CompletableFuture<Void> unusedSecond = other.ended.thenAccept(either::complete);
            CompletableFuture<Question> unusedFailure = other.ended.whenComplete((same, why) -> {
                if (why != null) {
                    CompletableFuture<Question> unusedBoth = ended.whenComplete((first, whyFirst) -> {
                        if (whyFirst != null) {
                            either.completeExceptionally(why);
                        }
                    });
                }
            });
            return either;
        }
    }
}

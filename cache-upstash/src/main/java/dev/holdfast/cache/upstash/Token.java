package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.redis.Rotation;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The token as a request's header has it: one that stays, or what a provider gives. Thread-safe. */
final class Token implements AutoCloseable {
    private final UpstashErrors errors;
    private final Executor threads;
    private final Login login;
    private final Rotation rotation;
    private volatile @Nullable String header;

    /**
     * Creates one.
     *
     * @param threads where providers are asked, since callers' threads are not for that
     */
    Token(RemoteAccess access, UpstashErrors errors, Executor threads) {
        this.errors = errors;
        this.threads = threads;
        this.login = new Login(access);
        this.rotation = new Rotation(login, this::use, "holdfast-upstash-credentials");
        Secret constant = access.password();
        header = constant == null ? null : header(constant);
    }

    /**
     * Checks a token, and drops what copying brings along.
     *
     * @throws IllegalArgumentException if it can't be a token
     */
    static Secret checked(Secret token) {
        String text = UpstashConfig.unquoted(token.reveal());
        if (text.isEmpty()) {
            throw new IllegalArgumentException("the token must not be blank");
        }
        if (text.chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
            throw new IllegalArgumentException(
                    "the token must be printable ASCII without blanks; is there more than one in it?");
        }
        return Secret.of(text);
    }

    private static String header(Secret token) {
        return "Bearer " + checked(token).reveal();
    }

    private void use(Authentication words) {
        header = header(Secret.of(words.password()));
    }

    /**
     * Returns the header's value.
     *
     * @param nanos how long a provider may take, where nothing is known yet
     */
    String header(long nanos) {
        String present = header;
        if (present != null) {
            return present;
        }
        Authentication words = asked(login::ask, nanos);
        if (words == null) {
            throw refused("the provider gave no token", null);
        }
        rotation.start();
        return taken(words);
    }

    /**
     * Returns another value, since the database refused one.
     *
     * @return {@code null} if there is no other
     */
    @Nullable
    String other(String refused, long nanos) {
        String present = header;
        if (!login.rotates() || (present != null && !present.equals(refused))) {
            return login.rotates() ? present : null;
        }
        Authentication latest = login.latest();
        if (latest == null) {
            return null;
        }
        // Others were refused with the same, and one of them may have another by now: that one nobody has refused.
        Authentication words = isOther(latest, refused) ? latest : asked(() -> login.askAgain(latest), nanos);
        return words == null ? null : taken(words);
    }

    private static boolean isOther(Authentication words, String refused) {
        try {
            return !header(Secret.of(words.password())).equals(refused);
        } catch (IllegalArgumentException e) {
            // What can't be a token is no other.
            return false;
        }
    }

    /** Whoever is late with his words takes the latest. */
    private String taken(Authentication words) {
        Authentication latest = login.latest();
        try {
            use(latest == null ? words : latest);
        } catch (IllegalArgumentException e) {
            throw refused(String.valueOf(e.getMessage()), e);
        }
        return String.valueOf(header);
    }

    /** Something to ask a provider. */
    private interface Question {
        @Nullable
        Authentication answer() throws CredentialsException;
    }

    private @Nullable Authentication asked(Question question, long nanos) {
        CompletableFuture<@Nullable Authentication> answer = new CompletableFuture<>();
        try {
            threads.execute(() -> {
                try {
                    answer.complete(question.answer());
                } catch (CredentialsException | RuntimeException | Error e) {
                    answer.completeExceptionally(e);
                }
            });
            return answer.get(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted("asking for the token", e);
        } catch (TimeoutException | RejectedExecutionException e) {
            throw refused("the provider did not give a token in time", e);
        } catch (ExecutionException e) {
            throw refused(String.valueOf(e.getCause() == null ? e : e.getCause().getMessage()), e);
        }
    }

    private CacheUnavailableException refused(String why, @Nullable Throwable cause) {
        return new CacheUnavailableException(
                "no request to " + errors.address() + ": " + why, cause, Reason.REFUSED, false);
    }

    @Override
    public void close() {
        rotation.close();
    }
}

package dev.holdfast.cache.redis;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import java.time.Clock;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** What the connections of one store log in with, as its provider has it now. Thread-safe. */
public final class Login {
    private final @Nullable CredentialsProvider provider;
    private final @Nullable String username;
    private final boolean constant;
    private final Clock clock;
    private final AtomicReference<@Nullable Given> latest = new AtomicReference<>();

    /** How many questions there were: an answer that took long must not replace that to a later one. */
    private final AtomicLong questions = new AtomicLong();

    /**
     * Creates one.
     *
     * @param access says what is asked for credentials
     */
    public Login(RemoteAccess access) {
        this(access, Clock.systemUTC());
    }

    Login(RemoteAccess access, Clock clock) {
        this.provider = access.credentials();
        this.username = access.username();
        this.constant = provider == null || access.password() != null;
        this.clock = clock;
    }

    /**
     * What the provider gave.
     *
     * @param credentials the same as it gave them
     * @param words for the connection
     * @param lifetime from when until when they are good
     * @param question the number of the question that they answered last
     */
    private record Given(Credentials credentials, Authentication words, Lifetime lifetime, long question) {
        Given answering(long later) {
            return new Given(credentials, words, lifetime, later);
        }
    }

    /** Says whether connections log in at all. */
    public boolean isNeeded() {
        return provider != null || username != null;
    }

    /** Says whether what they log in with may change. */
    public boolean rotates() {
        return !constant;
    }

    /**
     * Asks for the words of a connection. May block.
     *
     * @return the words; where somebody asked later and was answered before, those that he was given
     * @throws CredentialsException if there are none
     */
    public Authentication ask() throws CredentialsException {
        if (provider == null) {
            // A user with "nopass" takes any password.
            return new Authentication(username, "");
        }
        long question = questions.incrementAndGet();
        Credentials given;
        try {
            given = provider.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CredentialsException(e);
        } catch (Exception e) {
            throw new CredentialsException(e);
        }
        if (given == null) {
            throw new CredentialsException(null);
        }
        String user = given.username() == null ? username : given.username();
        Given now = new Given(
                given,
                new Authentication(user, given.password().reveal()),
                new Lifetime(clock.instant(), given.expiresAt()),
                question);
        return Objects.requireNonNull(latest.updateAndGet(before -> later(before, now)))
                .words();
    }

    /** What is the same stays as old as it is. */
    private static Given later(@Nullable Given before, Given now) {
        if (before == null) {
            return now;
        }
        if (before.question() > now.question()) {
            return before;
        }
        return before.credentials().equals(now.credentials()) ? before.answering(now.question()) : now;
    }

    /**
     * Asks once more, since a server refused what was given. May block.
     *
     * @param refused the words that it refused
     * @return other words; {@code null} if there are none, so that the refusal counts
     * @throws CredentialsException if there are no credentials any more
     */
    public @Nullable Authentication askAgain(Authentication refused) throws CredentialsException {
        Given before = latest.get();
        if (constant || provider == null || before == null) {
            return null;
        }
        if (before.words().equals(refused)) {
            provider.refused(before.credentials());
        }
        Authentication other = ask();
        return other.equals(refused) ? null : other;
    }

    /** Returns what was last given; {@code null} if nothing was yet. */
    public @Nullable Authentication latest() {
        Given given = latest.get();
        return given == null ? null : given.words();
    }

    /** Has it asked anew if what was given is about to expire, or nobody tells of a change. */
    void askIfDue() throws CredentialsException {
        Given given = latest.get();
        if (given != null && (provider instanceof SecretFile || given.lifetime().isDue(clock.instant()))) {
            Authentication unused = ask();
        }
    }

    /** How long to wait before {@link #askIfDue} is worth while again. */
    Duration pause() {
        Given given = latest.get();
        return given == null ? Duration.ofSeconds(1) : given.lifetime().pause();
    }

    /** Has a listener told of changes. */
    CredentialsProvider.Registration onChange(Runnable listener) {
        return provider == null ? () -> {} : provider.onChange(listener);
    }
}

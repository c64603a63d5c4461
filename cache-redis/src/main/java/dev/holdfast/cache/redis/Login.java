package dev.holdfast.cache.redis;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.internal.ForeignText;
import java.time.Clock;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the connections of one store log in with, as its provider has it now. Thread-safe. */
public final class Login {
    /** So many questions may be under way: a provider that answers none must not take a thread for each connection that is wanted. */
    static final int MOST_QUESTIONS = 16;

    private static final long GLANCE_MILLIS = 20;

    private static final Logger LOG = LoggerFactory.getLogger(Login.class);

    private final @Nullable CredentialsProvider provider;
    private final @Nullable String username;
    private final boolean constant;
    private final Clock clock;
    private final AtomicReference<@Nullable Given> latest = new AtomicReference<>();

    /** How many questions there were: an answer that took long must not replace that to a later one. */
    private final AtomicLong questions = new AtomicLong();

    private final Semaphore places = new Semaphore(MOST_QUESTIONS);

    /** Lets one more question through at a time where there is no place, ever more rarely: what hung before may answer now. */
    private final Backoff beside = new Backoff(Duration.ofMillis(1), Duration.ofMillis(1));

    private final long patienceNanos;

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
        this.patienceNanos = access.connectTimeout().toNanos();
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
        Given now = asked(provider);
        return Objects.requireNonNull(latest.updateAndGet(before -> later(before, now)))
                .words();
    }

    private Given asked(CredentialsProvider asked) throws CredentialsException {
        try {
            return answer(asked);
        } catch (CredentialsException e) {
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CredentialsException(e);
        } catch (Throwable e) {
            // Somebody else's code: an Error of a class that is missing there is no connection's.
            throw new CredentialsException(e);
        }
    }

    private Given answer(CredentialsProvider asked) throws Exception {
        boolean placed = takePlace();
        try {
            long question = questions.incrementAndGet();
            return given(asked.get(), question);
        } finally {
            if (placed) {
                places.release();
            } else {
                beside.abandoned();
            }
        }
    }

    /** Returns false if there was none and this is one more. */
    private boolean takePlace() throws InterruptedException, CredentialsException {
        long until = System.nanoTime() + patienceNanos;
        while (!places.tryAcquire(GLANCE_MILLIS, TimeUnit.MILLISECONDS)) {
            long now = System.nanoTime();
            if (beside.tryBegin(now)) {
                return false;
            }
            if (now - until >= 0) {
                throw CredentialsException.unanswered(MOST_QUESTIONS);
            }
        }
        return true;
    }

    private Given given(@Nullable Credentials given, long question) throws CredentialsException {
        if (given == null) {
            throw new CredentialsException(null);
        }
        String user = given.username() == null ? username : given.username();
        return new Given(
                given,
                new Authentication(user, given.password().reveal()),
                new Lifetime(clock.instant(), given.expiresAt()),
                question);
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
            tellRefused(provider, before.credentials());
        }
        Authentication other = ask();
        return other.equals(refused) ? null : other;
    }

    /**
     * Asks once more, since a server broke off a log-in without a word, as one does whose user was removed meanwhile. May block.
     *
     * @param begun the words that it was begun with
     * @return other words; {@code null} if there are none, so that the breach is the connection's
     * @throws CredentialsException if there are no credentials any more
     */
    public @Nullable Authentication otherThan(Authentication begun) throws CredentialsException {
        Authentication now = constant ? begun : ask();
        return now.equals(begun) ? null : now;
    }

    private static void tellRefused(CredentialsProvider provider, Credentials credentials) {
        try {
            provider.refused(credentials);
        } catch (Throwable e) {
            // It is asked all the same.
            LOG.warn(
                    "the provider of credentials failed when it was told of a refusal: {}",
                    ForeignText.shown(e.toString()));
        }
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
        return given == null ? Duration.ofSeconds(1) : given.lifetime().pause(clock.instant());
    }

    /** Has a listener told of changes. */
    CredentialsProvider.Registration onChange(Runnable listener) {
        return provider == null ? () -> {} : provider.onChange(listener);
    }
}

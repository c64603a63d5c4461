package dev.holdfast.cache.redis;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A password or token in a file that somebody else writes, as Kubernetes, Docker and the agent of a vault do: read whenever it is asked
 * for. While it is missing or can't be read, what was read before stands. Thread-safe.
 */
public final class SecretFile implements CredentialsProvider {
    private static final Logger LOG = LoggerFactory.getLogger(AccessSettings.class);
    private static final int MOST_BYTES = 64 * 1024;

    private final String variable;
    private final Path file;
    private volatile @Nullable Credentials last;

    /** Whether it was said that the file can't be read. */
    private volatile boolean failing;

    /**
     * Creates one.
     *
     * @param variable the setting that names the file, for messages
     * @param file the file, which must be there
     * @throws CacheConfigException if it can't be read or is empty
     */
    public SecretFile(String variable, Path file) {
        this.variable = variable;
        this.file = file;
        last = read();
    }

    @Override
    public Credentials get() {
        try {
            Credentials read = read();
            last = read;
            failing = false;
            return read;
        } catch (CacheConfigException e) {
            Credentials before = last;
            if (before == null) {
                throw e;
            }
            if (!failing) {
                failing = true;
                LOG.warn("What was read before stands: {}", e.getMessage());
            }
            return before;
        }
    }

    private Credentials read() {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                // A pipe has its bytes once, and may keep its reader waiting for ever.
                throw complaint("is no regular file", null);
            }
            if (Files.size(file) > MOST_BYTES) {
                throw complaint("has more than " + MOST_BYTES + " bytes", null);
            }
            Secret secret = Secret.ofText(Files.readString(file)).orElseThrow(() -> complaint("is empty", null));
            return Credentials.of(secret);
        } catch (NoSuchFileException e) {
            throw complaint("is not there", e);
        } catch (IOException e) {
            throw complaint("can't be read as UTF-8 text (" + e.getClass().getSimpleName() + ')', e);
        }
    }

    /** What is no path may be the secret itself, which must not be shown; nor may the cause, which says it too. */
    private CacheConfigException complaint(String what, @Nullable IOException e) {
        Path parent = file.getParent();
        boolean shown = Files.exists(file)
                || (file.isAbsolute() && parent != null && parent.getNameCount() > 0 && Files.isDirectory(parent));
        return new CacheConfigException(
                variable + " names "
                        + (shown ? "the file " + file : "a file (not shown, as it may be the secret itself)")
                        + ", which " + what + "; it must be the path of a file that holds the secret and nothing else",
                shown ? e : null);
    }
}

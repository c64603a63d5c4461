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

/**
 * A password or token in a file that somebody else writes, as Kubernetes, Docker and the agent of a vault do: read whenever it is asked
 * for. Thread-safe.
 */
public final class SecretFile implements CredentialsProvider {
    private static final int MOST_BYTES = 64 * 1024;

    private final String variable;
    private final Path file;

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
        Credentials unused = get();
    }

    @Override
    public Credentials get() {
        try {
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
        boolean shown = file.isAbsolute() || Files.exists(file);
        return new CacheConfigException(
                variable + " names "
                        + (shown ? "the file " + file : "a file (not shown, as it may be the secret itself)")
                        + ", which " + what + "; it must be the path of a file that holds the secret and nothing else",
                shown ? e : null);
    }
}

package dev.holdfast.cache.redis;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.TlsConfig.Verification;
import dev.holdfast.cache.spi.KeyPrefix;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads how a tier gets at its servers from settings. Every complaint is a {@link CacheConfigException} that names the variable. */
public final class AccessSettings {
    private static final Logger LOG = LoggerFactory.getLogger(AccessSettings.class);
    private static final String KEY_PREFIX = "REDIS_KEY_PREFIX";
    private static final String CLIENT_NAME = "REDIS_CLIENT_NAME";
    private static final List<String> VERIFICATIONS = List.of("full", "ca", "none");

    private final Settings settings;
    private final AccessVariables names;

    /**
     * Creates one.
     *
     * @param settings the settings
     * @param names the tier's
     */
    public AccessSettings(Settings settings, AccessVariables names) {
        this.settings = settings;
        this.names = names;
    }

    /**
     * Reads limits, key prefix and client name.
     *
     * @param start has the defaults of what is not set
     * @return the derived access
     */
    public RemoteAccess limits(RemoteAccess start) {
        RemoteAccess access = start.readFrom(names)
                .withConnectTimeout(timeout(names.connectTimeout(), start.connectTimeout()))
                .withCommandTimeout(timeout(names.commandTimeout(), start.commandTimeout()))
                .withPoolSize(
                        settings.integer(first(names.poolSize()), start.poolSize(), 1, RemoteAccess.MOST_CONNECTIONS))
                .withMaxValueBytes(settings.number(
                        "CACHE_MAX_VALUE_BYTES",
                        start.maxValueBytes(),
                        RemoteAccess.LEAST_MAX_VALUE,
                        RemoteAccess.MOST_MAX_VALUE))
                .withKeyPrefix(keyPrefix());
        Optional<String> name = settings.text(CLIENT_NAME);
        try {
            return name.isPresent() ? access.withClientName(name.get()) : access;
        } catch (IllegalArgumentException e) {
            throw settings.malformed(CLIENT_NAME, "must be printable ASCII without blanks");
        }
    }

    /**
     * Reads user and password, or the file that holds it.
     *
     * @param start who logs in otherwise
     * @return the derived access
     */
    public RemoteAccess login(RemoteAccess start) {
        RemoteAccess access = start.readFrom(names);
        Optional<String> user = names.username() == null ? Optional.empty() : settings.text(names.username());
        if (user.isPresent()) {
            try {
                access = access.withUsername(user.get());
            } catch (IllegalArgumentException e) {
                throw settings.malformed(
                        String.valueOf(names.username()), "must be an ACL user without control characters");
            }
        }
        Optional<Secret> password = settings.secret(names.password());
        Optional<SecretFile> file = passwordFile();
        if (password.isPresent() && file.isPresent()) {
            throw new CacheConfigException(names.password() + " and " + names.passwordFile()
                    + " are both set, but one of them must be enough");
        }
        if (file.isPresent()) {
            return access.withCredentials(file.get());
        }
        return password.isPresent() ? access.withPassword(password.get()) : access;
    }

    /** Reads the file that holds the password; empty if none is set. */
    public Optional<SecretFile> passwordFile() {
        return settings.text(names.passwordFile())
                .map(text -> new SecretFile(names.passwordFile(), path(names.passwordFile(), text)));
    }

    /**
     * Reads the switch of TLS.
     *
     * @return whether it is on; {@code null} if it is not set
     */
    public @Nullable Boolean tlsSwitch() {
        String enabled = names.tls().enabled();
        boolean set = enabled != null && settings.isSet(enabled);
        return set ? settings.flag(String.valueOf(enabled), false) : null;
    }

    /**
     * Reads how connections are encrypted.
     *
     * @param start has TLS or not
     * @param on whether they are
     * @return the derived access
     */
    public RemoteAccess tls(RemoteAccess start, boolean on) {
        TlsConfig tls = tls();
        if (on) {
            if (tls.verification() == Verification.NONE) {
                LOG.warn(
                        "{} is none: nothing of the server's certificate is verified, so whoever is between can read and change"
                                + " everything, passwords included",
                        first(names.tls().verify()));
            }
            return start.withTls(tls);
        }
        requireNoFiles();
        return start.withoutTls();
    }

    /** Who names an authority believes that connections are encrypted. */
    private void requireNoFiles() {
        TlsVariables tls = names.tls();
        if (tls.enabled() != null && tlsSwitch() == null) {
            for (List<String> file : List.of(tls.authorities(), tls.certificate(), tls.key())) {
                if (settings.isSet(file.get(0))) {
                    throw new CacheConfigException(file.get(0) + " is set, but " + tls.enabled()
                            + " is not: set it to true, or to false if the file is for another tier");
                }
            }
        }
    }

    private TlsConfig tls() {
        TlsVariables variables = names.tls();
        TlsConfig tls = TlsConfig.system();
        String authorities = first(variables.authorities());
        Optional<String> file = settings.text(authorities);
        if (file.isPresent()) {
            TlsConfig before = tls;
            tls = naming(authorities, () -> before.withAuthorities(path(authorities, file.get())));
        }
        String word = settings.choice(first(variables.verify()), "full", VERIFICATIONS);
        return withCertificate(tls).withVerification(Verification.valueOf(word.toUpperCase(Locale.ROOT)));
    }

    private TlsConfig withCertificate(TlsConfig tls) {
        String certificate = first(names.tls().certificate());
        String key = first(names.tls().key());
        Optional<String> certificateFile = settings.text(certificate);
        Optional<String> keyFile = settings.text(key);
        if (certificateFile.isEmpty() && keyFile.isEmpty()) {
            return tls;
        }
        if (certificateFile.isEmpty() || keyFile.isEmpty()) {
            throw new CacheConfigException(
                    (keyFile.isEmpty() ? certificate : key) + " is set, but " + (keyFile.isEmpty() ? key : certificate)
                            + " is not: a client's certificate needs its key, each in a PEM file");
        }
        String password = first(names.tls().keyPassword());
        Secret secret = settings.secret(password).orElseGet(() -> fileSecret(password + "_FILE"));
        return naming(
                certificate + ", " + key + " and " + password,
                () -> tls.withCertificate(path(certificate, certificateFile.get()), path(key, keyFile.get()), secret));
    }

    private @Nullable Secret fileSecret(String variable) {
        return settings.text(variable)
                .map(text ->
                        new SecretFile(variable, path(variable, text)).get().password())
                .orElse(null);
    }

    private static TlsConfig naming(String variables, Supplier<TlsConfig> reading) {
        try {
            return reading.get();
        } catch (CacheConfigException e) {
            throw new CacheConfigException(variables + ": " + e.getMessage(), e.getCause());
        }
    }

    private Path path(String variable, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw settings.malformed(variable, "must be the path of a file");
        }
    }

    private Duration timeout(List<String> variables, Duration byDefault) {
        return Duration.ofMillis(
                settings.number(first(variables), byDefault.toMillis(), 1, RemoteAccess.LONGEST_TIMEOUT.toMillis()));
    }

    private KeyPrefix keyPrefix() {
        try {
            return KeyPrefix.of(settings.text(KEY_PREFIX).orElse(null));
        } catch (IllegalArgumentException e) {
            throw settings.malformed(
                    KEY_PREFIX, "must have at most 256 characters, without white space and control characters");
        }
    }

    /** The first that is set, or the last. */
    private String first(List<String> variables) {
        return variables.stream().filter(settings::isSet).findFirst().orElse(variables.get(variables.size() - 1));
    }
}

package dev.holdfast.cache;

import java.nio.file.Path;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How connections are encrypted: whom a client trusts, what it shows of itself, and how much of a server's certificate it verifies.
 * Start from {@link #system}, {@link #trusting} or {@link #of} and derive with the withers. Files are read when an instance is made, and
 * again for the next connection after they have changed; a change that can't be read is logged, and what was read before stands.
 * Immutable and thread-safe.
 */
public final class TlsConfig {

    /** How much of a server's certificate is verified. */
    public enum Verification {
        /** That an authority that is trusted has signed it, and that it is for the host that was dialled. */
        FULL,
        /** That an authority that is trusted has signed it, for whichever host: for tunnels and port forwarding. */
        CA,
        /** Nothing: whoever stands between reads and changes everything. For tests. */
        NONE
    }

    private final TlsFiles files;
    private final Verification verification;

    private TlsConfig(TlsFiles files, Verification verification) {
        this.files = files;
        this.verification = verification;
    }

    /**
     * Trusts what the JVM trusts ({@code javax.net.ssl.*}), which is read when the first context is needed.
     *
     * @return the configuration, which verifies in full
     */
    public static TlsConfig system() {
        return new TlsConfig(TlsFiles.ofSystem(), Verification.FULL);
    }

    /**
     * Trusts the certificates of one trust store and no others.
     *
     * @param trustStore a PKCS #12 or JKS file
     * @param password its password; {@code null} if it has none
     * @return the configuration, which verifies in full
     * @throws CacheConfigException if the file can't be read
     */
    public static TlsConfig trusting(Path trustStore, @Nullable Secret password) {
        return new TlsConfig(TlsFiles.ofSystem().withTrust(new Trust.Store(trustStore, password)), Verification.FULL);
    }

    /**
     * Uses a context that was made elsewhere.
     *
     * @param context the context
     * @return the configuration, which verifies in full: the host name in addition to what the context verifies
     */
    public static TlsConfig of(SSLContext context) {
        return new TlsConfig(TlsFiles.of(Objects.requireNonNull(context, "context")), Verification.FULL);
    }

    /**
     * Derives one that trusts the authorities of a PEM file and no others.
     *
     * @param pem a file with one or more certificates ({@code BEGIN CERTIFICATE})
     * @return the derived configuration
     * @throws CacheConfigException if the file can't be read
     */
    public TlsConfig withAuthorities(Path pem) {
        return new TlsConfig(files.withTrust(new Trust.Pem(pem)), verification);
    }

    /**
     * Derives one that shows a certificate of its own, as servers with mutual TLS demand it.
     *
     * @param certificate a PEM file with the certificate and those of authorities between it and the root, if any
     * @param key a PEM file with its private key in PKCS #8: {@code BEGIN PRIVATE KEY} or {@code BEGIN ENCRYPTED PRIVATE KEY}
     * @param keyPassword the password of an encrypted key; {@code null} if it is not encrypted
     * @return the derived configuration
     * @throws CacheConfigException if one of the files can't be read, or they don't belong together
     */
    public TlsConfig withCertificate(Path certificate, Path key, @Nullable Secret keyPassword) {
        return new TlsConfig(files.withIdentity(new Identity(certificate, key, keyPassword)), verification);
    }

    /**
     * Derives one that verifies more or less.
     *
     * @param value how much is verified
     * @return the derived configuration
     * @throws IllegalArgumentException if nothing is to be verified with a context from {@link #of}
     */
    public TlsConfig withVerification(Verification value) {
        Objects.requireNonNull(value, "verification");
        return new TlsConfig(files.trustingAnyone(value == Verification.NONE), value);
    }

    /**
     * Returns the context for the next connection, for implementations of stores.
     *
     * @return the same as before, unless a file has changed
     * @throws CacheConfigException if it is the first, and what the JVM trusts can't be read
     */
    public SSLContext context() {
        return files.context();
    }

    /** Returns how much of a server's certificate is verified; the host name is the caller's to verify, in {@code FULL}. */
    public Verification verification() {
        return verification;
    }
}

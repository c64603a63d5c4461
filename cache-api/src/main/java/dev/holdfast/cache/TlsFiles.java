package dev.holdfast.cache;

import dev.holdfast.cache.internal.ForeignText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The context that some files make, made anew when one of them has changed. Files are read at once, so that a bad one is told of where it is
 * named; where there is none, what the JVM trusts is read when the first context is needed, since it takes a hundred certificates. Thread-safe.
 */
final class TlsFiles {
    private static final Logger LOG = LoggerFactory.getLogger(TlsConfig.class);

    private final Parts parts;
    /** {@code null} until the first context is needed. */
    private final AtomicReference<@Nullable Made> made;

    private TlsFiles(Parts parts) {
        this.parts = parts;
        this.made = new AtomicReference<>(parts.files().isEmpty() ? null : made(parts));
    }

    /**
     * A context and what its files were like.
     *
     * @param state as {@link Parts#state} has it
     * @param context the context
     */
    private record Made(String state, SSLContext context) {}

    private static Made made(Parts parts) {
        String state = parts.state();
        return new Made(state, parts.make());
    }

    /** No file: what the JVM trusts and shows. */
    static TlsFiles ofSystem() {
        return new TlsFiles(new Parts(null, null, null, false));
    }

    /** No file: a context that was made elsewhere. */
    static TlsFiles of(SSLContext context) {
        return new TlsFiles(new Parts(context, null, null, false));
    }

    TlsFiles withTrust(Trust trust) {
        return new TlsFiles(new Parts(null, trust, parts.identity(), parts.anyone()));
    }

    TlsFiles withIdentity(Identity identity) {
        return new TlsFiles(new Parts(null, parts.trust(), identity, parts.anyone()));
    }

    TlsFiles trustingAnyone(boolean anyone) {
        return new TlsFiles(new Parts(parts.given(), parts.trust(), parts.identity(), anyone));
    }

    SSLContext context() {
        Made present = made.get();
        if (present == null) {
            return first().context();
        }
        String state = parts.state();
        return state.equals(present.state()) ? present.context() : makeAnew(present, state);
    }

    private Made first() {
        Made first = made(parts);
        return made.compareAndSet(null, first) ? first : Objects.requireNonNull(made.get());
    }

    /** Several may read at the same time, so that a file that hangs holds up nobody but its reader. The first is kept, and says so. */
    private SSLContext makeAnew(Made before, String state) {
        try {
            SSLContext context = parts.make();
            if (made.compareAndSet(before, new Made(state, context))) {
                LOG.info("Read anew for the connections to come: {}", parts.files());
            }
            return context;
        } catch (CacheConfigException e) {
            if (made.compareAndSet(before, new Made(state, before.context()))) {
                LOG.warn(
                        "A file for TLS has changed and can't be used, so what was read before stands: {}",
                        e.getMessage());
            }
            return before.context();
        }
    }

    /**
     * What a context is made of.
     *
     * @param given one that was made elsewhere; {@code null} for none
     * @param trust whom it trusts; {@code null} for whom the JVM trusts
     * @param identity what it shows of itself; {@code null} for nothing
     * @param anyone whether it trusts everybody instead
     */
    private record Parts(
            @Nullable SSLContext given,
            @Nullable Trust trust,
            @Nullable Identity identity,
            boolean anyone) {
        Parts {
            if (given != null && anyone) {
                throw new IllegalArgumentException(
                        "a context of your own verifies by its own trust manager: give it one that trusts everybody");
            }
        }

        List<Path> files() {
            List<Path> files = new ArrayList<>();
            if (trust != null) {
                files.add(trust.file());
            }
            if (identity != null) {
                files.add(identity.certificate());
                files.add(identity.key());
            }
            return files;
        }

        /** Another text when one of the files has changed. */
        String state() {
            StringBuilder state = new StringBuilder();
            for (Path file : files()) {
                try {
                    state.append(Files.getLastModifiedTime(file))
                            .append('/')
                            .append(Files.size(file))
                            .append(' ');
                } catch (IOException e) {
                    state.append("missing ");
                }
            }
            return state.toString();
        }

        SSLContext make() {
            if (given != null) {
                return given;
            }
            KeyManager[] keys = identity == null ? null : identity.managers();
            TrustManager[] trusted = trust == null ? null : trust.managers();
            try {
                if (keys == null && trusted == null && !anyone) {
                    return SSLContext.getDefault();
                }
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(keys, anyone ? new TrustManager[] {new TrustsAnyone()} : trusted, null);
                return context;
            } catch (GeneralSecurityException e) {
                throw new CacheConfigException(
                        "the JVM's own TLS settings are not usable: " + ForeignText.shown(e.getMessage()), e);
            }
        }
    }
}

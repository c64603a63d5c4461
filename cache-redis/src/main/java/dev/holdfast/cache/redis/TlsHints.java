package dev.holdfast.cache.redis;

import dev.holdfast.cache.internal.Causes;
import java.io.EOFException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.List;
import java.util.Locale;
import javax.net.ssl.SSLException;

/** What to do about a TLS handshake that failed; the JVM's own messages say it to those who know already. */
public final class TlsHints {
    private TlsHints() {}

    /** Whether the other side only closed the connection, as the JVM says it and as Netty does. */
    public static boolean isBrokenOff(SSLException e) {
        return Causes.root(e) instanceof EOFException
                || String.valueOf(e.getMessage()).startsWith("Connection closed while SSL/TLS handshake");
    }

    /**
     * Returns the hint.
     *
     * @param e what failed
     * @param host the host that was dialled
     * @param access knows how the settings were given that are spoken of
     * @return the end of a sentence
     */
    public static String hint(Throwable e, String host, RemoteAccess access) {
        StringBuilder all = new StringBuilder();
        for (Throwable cause : Causes.of(e)) {
            if (cause instanceof CertificateExpiredException) {
                return "its TLS certificate has expired";
            }
            if (cause instanceof CertificateNotYetValidException) {
                return "its TLS certificate is not valid yet";
            }
            all.append(cause.getMessage()).append('\n');
        }
        String text = all.toString().toLowerCase(Locale.ROOT);
        if (text.contains("no subject alternative")
                || text.contains("no name matching")
                || text.contains("not verified")) {
            return "its TLS certificate is not for the host " + host
                    + ": use the name that it is for, or over a tunnel "
                    + access.named(names -> own(names.tls().verify()) + "=ca", "TlsConfig.withVerification(CA)");
        }
        if (text.contains("path") || text.contains("trustanchors")) {
            return "its TLS certificate is not trusted: name its authority's certificate by "
                    + access.named(names -> own(names.tls().authorities()), "TlsConfig.withAuthorities")
                    + ", or put it into the trust store (javax.net.ssl.trustStore)";
        }
        if (text.contains("unsupported or unrecognized") || text.contains("not an ssl/tls record")) {
            return "it does not speak TLS on this port: use its TLS port, or no TLS"
                    + access.named(names -> " (" + names.tls().toSwitchOff() + ')', "");
        }
        if (text.contains("certificate_required")
                || text.contains("bad_certificate")
                || text.contains("certificate required")) {
            return "it wants a client certificate: "
                    + access.named(
                            names -> own(names.tls().certificate()) + " and "
                                    + own(names.tls().key()),
                            "TlsConfig.withCertificate");
        }
        return "the TLS handshake failed; check certificate, host name and port";
    }

    /** The name to speak of: the tier's own. */
    private static String own(List<String> names) {
        return names.get(0);
    }
}

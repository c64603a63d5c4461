package dev.holdfast.cache.single;

import dev.holdfast.cache.Causes;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.util.Locale;
import javax.net.ssl.SSLException;

/** What to do about a TLS handshake that failed; the JDK's own messages say it to those who know already. */
final class TlsHints {
    private TlsHints() {}

    static String hint(SSLException e, SingleConfig config) {
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
        if (text.contains("no subject alternative") || text.contains("no name matching")) {
            return "its TLS certificate is not for the host " + config.host() + ": use the name that it is for";
        }
        if (text.contains("path") || text.contains("trustanchors")) {
            return "its TLS certificate is not trusted: put its authority into the trust store"
                    + " (javax.net.ssl.trustStore, or SingleConfig.withTls)";
        }
        if (text.contains("unsupported or unrecognized")) {
            return "it does not speak TLS on this port: use redis:// or its TLS port";
        }
        if (text.contains("certificate_required") || text.contains("bad_certificate")) {
            return "it wants a client certificate: use SingleConfig.withTls(SSLContext)";
        }
        return "the TLS handshake failed";
    }
}

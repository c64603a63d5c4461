package dev.holdfast.cache.validation;

import dev.holdfast.cache.TlsConfig;
import dev.holdfast.cache.TlsConfig.Verification;
import dev.holdfast.cache.internal.Causes;
import dev.holdfast.cache.internal.ForeignText;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.SignatureException;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

/** Looks at a server's name, its port and its certificate, before anything is asked. */
final class Reach {
    private static final int LEAST_DAYS = 14;
    /** A Redis without TLS takes the greeting for the beginning of a command, and waits for more. */
    private static final String NO_TLS = "no TLS is spoken on this port";

    private Reach() {}

    /** Resolves the name and opens a connection. */
    static Result address(String check, Target target) {
        long start = System.nanoTime();
        try (Socket socket = connect(target)) {
            return Result.ok(
                    check,
                    String.format(
                            Locale.ROOT,
                            "%s is %s, connected in %.1f ms",
                            target.address(),
                            socket.getInetAddress().getHostAddress(),
                            (System.nanoTime() - start) / 1e6));
        } catch (IOException e) {
            return Result.failed(
                    check,
                    target.address() + ": " + why(e),
                    "check " + target.variables().place()
                            + ", and that a server listens there and the network lets this host through");
        }
    }

    private static Socket connect(Target target) throws IOException {
        Socket socket = new Socket();
        try {
            socket.connect(new InetSocketAddress(InetAddress.getByName(target.host()), target.port()), (int)
                    target.connect().toMillis());
            socket.setSoTimeout((int) target.connect().toMillis());
            return socket;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** Shakes hands and verifies chain and host. */
    static Result tls(String check, Target target) {
        if (target.tls() == null) {
            return Result.skipped(
                    check, "none is asked for (" + target.variables().tls() + ')');
        }
        Verification verification = target.tls().verification();
        try (Socket socket = open(target)) {
            SSLSession session = ((SSLSocket) socket).getSession();
            return verification == Verification.FULL
                    ? certificate(check, target, session)
                    : Result.warning(
                            check,
                            session.getProtocol() + ", the certificate is "
                                    + (verification == Verification.CA ? "verified for no host" : "not verified"),
                            "let REDIS_TLS_VERIFY, or the tier's own variable for that, be full, if the server's name can be"
                                    + " that of its certificate");
        } catch (IOException e) {
            String why = Causes.find(e, SocketTimeoutException.class) == null ? why(e) : NO_TLS;
            return Result.failed(check, target.address() + ": " + why, remedy(e, target));
        }
    }

    /** Connects, and where encryption is asked for shakes hands and verifies; whoever calls closes it. */
    static Socket open(Target target) throws IOException {
        Socket plain = connect(target);
        TlsConfig tls = target.tls();
        if (tls == null) {
            return plain;
        }
        try {
            SSLSocket socket = (SSLSocket)
                    tls.context().getSocketFactory().createSocket(plain, target.host(), target.port(), true);
            if (tls.verification() == Verification.FULL) {
                SSLParameters verified = socket.getSSLParameters();
                verified.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(verified);
            }
            socket.startHandshake();
            return socket;
        } catch (IOException | RuntimeException e) {
            plain.close();
            throw e;
        }
    }

    private static Result certificate(String check, Target target, SSLSession session) throws IOException {
        X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
        long days = Duration.between(Instant.now(), certificate.getNotAfter().toInstant())
                .toDays();
        String measured = session.getProtocol() + ", certificate good for " + target.host() + " and " + days + " days";
        return days < LEAST_DAYS
                ? Result.warning(
                        check,
                        measured,
                        "renew the certificate of the server that "
                                + target.variables().place() + " names")
                : Result.ok(check, measured);
    }

    private static String remedy(IOException e, Target target) {
        String place = target.variables().place();
        if (Causes.find(e, CertificateExpiredException.class) != null
                || Causes.find(e, CertificateNotYetValidException.class) != null) {
            return "renew the certificate of the server that " + place + " names, or correct this host's clock";
        }
        String text = texts(e);
        if (text.contains("subject alternative") || text.contains("no name matching")) {
            return "let " + place + " have the name that the certificate is for";
        }
        if (isNotTrusted(e, text)) {
            return "put its authority" + authority(e)
                    + " into the JVM's trust store (-Djavax.net.ssl.trustStore) or name it by REDIS_TLS_CA_FILE, of Upstash"
                    + " UPSTASH_TLS_CA_FILE, or let " + place
                    + " name a server with a certificate that is trusted";
        }
        return target.variables().tls()
                + " asks for TLS: let it name the port that speaks TLS, or ask for none (redis://)";
    }

    /** What went wrong, for people: the exceptions of the JDK say it to those who know already. */
    static String why(Throwable failure) {
        if (Causes.find(failure, CertificateExpiredException.class) != null) {
            return "the certificate has expired" + byThisClock(failure, CertificateExpiredException.class);
        }
        if (Causes.find(failure, CertificateNotYetValidException.class) != null) {
            return "the certificate is not valid yet" + byThisClock(failure, CertificateNotYetValidException.class);
        }
        if (Causes.find(failure, UnknownHostException.class) != null) {
            return "the name does not resolve";
        }
        if (Causes.find(failure, SocketTimeoutException.class) != null) {
            return "nothing came in time";
        }
        if (Causes.find(failure, ConnectException.class) != null) {
            return "connection refused";
        }
        String text = texts(failure);
        if (text.contains("subject alternative") || text.contains("no name matching")) {
            return "the certificate is for another host";
        }
        if (text.contains("unknown reply")) {
            return "something answers there that is no Redis";
        }
        if (isNotTrusted(failure, text)) {
            return Causes.find(failure, SignatureException.class) == null
                    ? "the certificate is not trusted"
                    : "the certificate is not trusted: an authority of that name is, but has another key";
        }
        if (text.contains("unsupported or unrecognized") || text.contains("remote host terminated the handshake")) {
            return NO_TLS;
        }
        return ForeignText.shown(Causes.root(failure).getMessage());
    }

    /** Whether the certificate is to blame or the clock is seen where both stand side by side. */
    private static String byThisClock(Throwable failure, Class<? extends Throwable> type) {
        Throwable dated = Causes.find(failure, type);
        return String.format(
                Locale.ROOT,
                " (%s; this host's clock: %s)",
                ForeignText.shown(dated == null ? "" : dated.getMessage()),
                Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    private static boolean isNotTrusted(Throwable failure, String texts) {
        return Causes.find(failure, CertPathValidatorException.class) != null
                || texts.contains("certification path")
                || texts.contains("trustanchors");
    }

    /** Who signed the certificate, where that is told; with a space before it. */
    private static String authority(Throwable failure) {
        CertPathValidatorException refused = Causes.find(failure, CertPathValidatorException.class);
        CertPath path = refused == null ? null : refused.getCertPath();
        if (path == null || path.getCertificates().isEmpty()) {
            return "";
        }
        X509Certificate last = (X509Certificate)
                path.getCertificates().get(path.getCertificates().size() - 1);
        return ' ' + ForeignText.shown(last.getIssuerX500Principal().getName());
    }

    private static String texts(Throwable failure) {
        StringBuilder all = new StringBuilder();
        Causes.of(failure).forEach(cause -> all.append(cause.getMessage()).append('\n'));
        return all.toString().toLowerCase(Locale.ROOT);
    }
}

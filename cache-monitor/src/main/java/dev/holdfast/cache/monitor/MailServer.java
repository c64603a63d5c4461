package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where alerts are sent by mail. Over TLS from the first byte ({@code smtps}) or from the first command ({@code smtp}), but to this machine, where {@code
 * smtp} is plain.
 *
 * @param host the server's name or address
 * @param port its port
 * @param implicitTls whether TLS comes first
 * @param user who sends; {@code null} for nobody
 * @param password of the user; {@code null} if there is none
 * @param from the sender's address
 * @param to the receivers', one at least; unmodifiable
 */
record MailServer(
        String host,
        int port,
        boolean implicitTls,
        @Nullable String user,
        @Nullable Secret password,
        String from,
        List<String> to) {
    private static final String URL = "REDIS_ALERT_SMTP_URL";
    private static final String FORM =
            "must be like smtps://user:password@host:465?from=a@example.com&to=b@example.com";
    private static final Pattern MAILBOX = Pattern.compile("[\\w.!#$%&'*+/=?^`{|}~-]+@[\\w.-]+");
    private static final int SMTPS = 465;
    private static final int SUBMISSION = 587;

    /** Returns what the settings ask for; empty if they ask for nothing. */
    static Optional<MailServer> of(Settings settings) {
        return settings.text(URL).map(MailServer::parse);
    }

    private static MailServer parse(String text) {
        URI url;
        try {
            url = new URI(text);
        } catch (URISyntaxException e) {
            throw refused(FORM);
        }
        boolean implicit = "smtps".equalsIgnoreCase(url.getScheme());
        String host = url.getHost();
        if ((!implicit && !"smtp".equalsIgnoreCase(url.getScheme())) || host == null || url.getPort() > 65_535) {
            throw refused(FORM);
        }
        Destinations.refusal(host).ifPresent(why -> {
            throw refused(why);
        });
        requireLibrary();
        Map<String, String> parameters = Request.parameters(url.getRawQuery());
        String[] login = url.getRawUserInfo() == null
                ? new String[0]
                : url.getRawUserInfo().split(":", 2);
        int usual = implicit ? SMTPS : SUBMISSION;
        return new MailServer(
                host,
                url.getPort() < 0 ? usual : url.getPort(),
                implicit,
                login.length == 0 ? null : decoded(login[0]),
                login.length < 2 ? null : Secret.of(decoded(login[1])),
                mailbox("from", parameters.get("from")),
                List.of(parameters.getOrDefault("to", "").split(",", -1)).stream()
                        .map(each -> mailbox("to", each.strip()))
                        .toList());
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw refused(FORM);
        }
    }

    private static String mailbox(String parameter, @Nullable String address) {
        if (address == null || !MAILBOX.matcher(address).matches()) {
            throw refused(parameter + " must be an address like a@example.com: " + FORM);
        }
        return address;
    }

    private static void requireLibrary() {
        try {
            Class.forName("jakarta.mail.Session", false, MailServer.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new CacheConfigException(
                    URL
                            + " is set, but what sends mail is not on the class path: add org.eclipse.angus:angus-mail, on a module path with"
                            + " --add-modules org.eclipse.angus.mail",
                    e);
        }
    }

    private static CacheConfigException refused(String why) {
        return new CacheConfigException(URL + " is \"***\", but " + why);
    }

    /** Whether everything that is sent must be encrypted. */
    boolean needsTls() {
        return !Destinations.isThisMachine(host);
    }

    /** The server alone. */
    @Override
    public String toString() {
        return "email by " + host;
    }
}

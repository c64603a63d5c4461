package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Who gets into a server, and by which certificate. Immutable.
 *
 * @param password of the default user
 * @param users those of the ACL; the first is the one that clients log in as
 * @param authority what signs its certificate; {@code null} without TLS
 * @param kind of that certificate
 */
record ServerAccess(
        @Nullable String password,
        List<User> users,
        @Nullable Certificates authority,
        Certificates.Kind kind) {

    /** An ACL user. */
    record User(String name, String password, String rules) {}

    /**
     * The testkit's own user, on every server of this JVM: it gets in whatever happens to the passwords of the others, and
     * replicas and migrations use it too, so that a rotated password breaks clients and nothing else.
     */
    static final String ADMIN = "holdfast-testkit";

    static final String ADMIN_PASSWORD = UUID.randomUUID().toString();

    /** That user, as a line of a configuration. */
    static final String ADMIN_LINE = "user " + ADMIN + " on >" + ADMIN_PASSWORD + " ~* &* +@all";

    /** Without password, users and TLS. */
    static final ServerAccess OPEN = new ServerAccess(null, List.of(), null, Certificates.Kind.VALID);

    ServerAccess withPassword(@Nullable String other) {
        return new ServerAccess(other, users, authority, kind);
    }

    ServerAccess withUser(User added) {
        List<User> more = new ArrayList<>(users);
        more.add(added);
        return new ServerAccess(password, List.copyOf(more), authority, kind);
    }

    ServerAccess withCertificate(Certificates other, Certificates.Kind otherKind) {
        return new ServerAccess(password, users, other, otherKind);
    }

    /** @throws IllegalStateException without TLS */
    Certificates certificates() {
        if (authority == null) {
            throw new IllegalStateException("built without tls()");
        }
        return authority;
    }

    /** What a client needs to log in: the first ACL user, else the password, else nothing. */
    String url(String address) {
        String scheme = authority == null ? "redis://" : "rediss://";
        if (!users.isEmpty()) {
            User user = users.get(0);
            return scheme + encoded(user.name()) + ":" + encoded(user.password()) + "@" + address;
        }
        return scheme + (password == null ? "" : ":" + encoded(password) + "@") + address;
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, UTF_8).replace("+", "%20");
    }

    /** Who gets in, as lines of {@code redis.conf}. */
    List<String> lines() {
        List<String> lines = new ArrayList<>(List.of(ADMIN_LINE));
        if (password != null) {
            lines.add("requirepass " + ServerFiles.quoted(password));
        }
        for (User user : users) {
            lines.add("user " + user.name() + " on " + ServerFiles.quoted(">" + user.password()) + " " + user.rules());
        }
        return lines;
    }

    /** For servers and sentinels: TLS, if it has a certificate, also to masters and among sentinels. */
    static String listening(int port, Certificates.@Nullable Identity tls) {
        if (tls == null) {
            return "port " + port;
        }
        List<String> lines =
                new ArrayList<>(List.of("port 0", "tls-port " + port, "tls-auth-clients no", "tls-replication yes"));
        tls.settings().forEach((name, file) -> lines.add(name + " " + ServerFiles.quoted(file)));
        return String.join("\n", lines);
    }
}

package dev.holdfast.cache.validation;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TlsConfig;
import java.net.URI;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A server and how this environment reaches it.
 *
 * @param host its name or address, IPv6 without brackets
 * @param port its port
 * @param tls how the connection is encrypted; {@code null} for a plain one
 * @param user its ACL user; {@code null} for the default user
 * @param password the password, of a REST interface the token; {@code null} for none
 * @param database the database's number
 * @param rest the address of a REST interface; {@code null} for one that speaks Redis' protocol
 * @param connect the longest time to connect
 * @param command the longest time of a command
 * @param variables which variables say all of this
 */
record Target(
        String host,
        int port,
        @Nullable TlsConfig tls,
        @Nullable String user,
        @Nullable Secret password,
        int database,
        @Nullable URI rest,
        Duration connect,
        Duration command,
        Variables variables) {

    /** The same for another server. */
    Target at(String otherHost, int otherPort) {
        return new Target(otherHost, otherPort, tls, user, password, database, rest, connect, command, variables);
    }

    /** The same over a REST interface, whose token is what is made of the password. */
    Target over(URI address, UnaryOperator<String> token) {
        Secret made = password == null ? null : Secret.of(token.apply(password.reveal()));
        return new Target(host, port, tls, user, made, database, address, connect, command, variables);
    }

    boolean encrypted() {
        return tls != null;
    }

    String address() {
        return (host.indexOf(':') >= 0 ? '[' + host + ']' : host) + ':' + port;
    }

    /** Whom rights are given to. */
    String userName() {
        return user == null ? "default" : user;
    }

    /** Where it is, no secrets. */
    @Override
    public String toString() {
        return address();
    }
}

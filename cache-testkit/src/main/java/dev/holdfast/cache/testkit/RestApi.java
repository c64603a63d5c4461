package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The endpoints {@code /}, {@code /<command>/<argument>…}, {@code /pipeline} and {@code /multi-exec}. Thread-safe. */
final class RestApi {
    private static final int TOKEN_RADIX = 32;

    private final GatewaySettings settings;
    private final RedisBackend backend;
    private final CommandRules rules;
    private final KeyLockingScripts scripts = new KeyLockingScripts();
    private final RestRequestParser parser = new RestRequestParser();

    RestApi(GatewaySettings settings, RedisBackend backend) {
        this.settings = settings;
        this.backend = backend;
        this.rules = new CommandRules(settings.maxRequestBytes);
    }

    List<byte[]> segments(HttpRequest request) {
        return parser.segments(request.path());
    }

    /** What is answered whatever the request asks for; null if it may be served. */
    @Nullable
    HttpResponse refusal(HttpRequest request) {
        if (request.method.equals("OPTIONS")) {
            return preflight(request);
        }
        if (!List.of("GET", "HEAD", "POST", "PUT").contains(request.method)) {
            return HttpResponse.empty(405).with("allow", "GET, HEAD, POST, PUT, OPTIONS");
        }
        if (access(request) == Access.NONE) {
            return error(401, settings.unauthorized);
        }
        String format = request.header("upstash-response-format");
        if (format != null && !format.equals("json") && !format.equals("resp2")) {
            return error(400, "ERR invalid Upstash-Response-Format: expected json or resp2");
        }
        if (isResp2(request) && isBase64(request)) {
            return error(400, "ERR Upstash-Encoding base64 is not allowed with resp2 format");
        }
        return null;
    }

    boolean isReadOnly(HttpRequest request) {
        return access(request) == Access.READ_ONLY;
    }

    HttpResponse answer(HttpRequest request) {
        HttpResponse refusal = refusal(request);
        if (refusal != null) {
            return cors(request, refusal);
        }
        HttpResponse response;
        try {
            response = route(request);
        } catch (RestRequestParser.Refusal e) {
            response = synced(backend.position(), error(400, e.error));
        } catch (IOException e) {
            response = synced(backend.position(), error(503, "ERR the gateway can't reach redis: " + e.getMessage()));
        }
        return cors(request, response);
    }

    /** How the answer to {@code /subscribe} begins. */
    HttpResponse stream(HttpRequest request) {
        return cors(
                request, HttpResponse.of(200, EventStreams.TYPE, new byte[0]).with("cache-control", "no-cache"));
    }

    private HttpResponse route(HttpRequest request) throws IOException, RestRequestParser.Refusal {
        List<byte[]> segments = segments(request);
        String first = segments.isEmpty() ? "" : new String(segments.get(0), UTF_8);
        boolean alone = segments.size() == 1;
        return switch (first) {
            case "" -> segments.isEmpty() ? single(request, parser.command(request.body)) : error(404, "ERR not found");
            case "pipeline" -> alone ? pipeline(request) : error(404, "ERR not found");
            case "multi-exec" -> alone ? transaction(request) : error(404, "ERR not found");
            default -> single(request, parser.path(segments, request.body, request.query()));
        };
    }

    private HttpResponse single(HttpRequest request, RestCommand command) throws IOException {
        RestCommand allowed = allowed(request, command);
        RedisBackend.Outcome outcome = backend.run(List.of(allowed));
        Object reply = outcome.replies().get(0);
        int status = !(reply instanceof RespError) ? 200 : isTooLarge(allowed) ? 413 : 400;
        // An answer that is too large is an error in a 200, unlike a request that is.
        Object shown = fitting(reply);
        return synced(
                outcome.position(),
                isResp2(request)
                        ? HttpResponse.of(
                                status, HttpResponse.OCTETS, ReplyWriter.resp2(Collections.singletonList(shown)))
                        : HttpResponse.of(
                                status, HttpResponse.JSON, writer(request).one(shown)));
    }

    private HttpResponse pipeline(HttpRequest request) throws IOException, RestRequestParser.Refusal {
        RedisBackend.Outcome outcome = backend.run(allowed(request, parser.commands(request.body)));
        List<Object> shown = shown(outcome.replies());
        return synced(
                outcome.position(),
                isResp2(request)
                        ? HttpResponse.of(200, HttpResponse.OCTETS, ReplyWriter.resp2(shown))
                        : HttpResponse.of(
                                200, HttpResponse.JSON, writer(request).all(shown)));
    }

    private HttpResponse transaction(HttpRequest request) throws IOException, RestRequestParser.Refusal {
        RedisBackend.Outcome outcome = backend.runAtomically(allowed(request, parser.commands(request.body)));
        RespError discarded = outcome.discarded();
        return synced(
                outcome.position(),
                discarded != null
                        ? error(400, discarded.message())
                        : HttpResponse.of(
                                200, HttpResponse.JSON, writer(request).all(shown(outcome.replies()))));
    }

    private HttpResponse synced(long position, HttpResponse response) {
        return settings.syncTokens
                ? response.with("upstash-sync-token", Long.toString(position, TOKEN_RADIX))
                : response;
    }

    private List<RestCommand> allowed(HttpRequest request, List<RestCommand> commands) {
        return commands.stream().map(command -> allowed(request, command)).collect(Collectors.toList());
    }

    private RestCommand allowed(HttpRequest request, RestCommand command) {
        if (command.answer == null && isReadOnly(request) && !backend.table().isOpenToReaders(command)) {
            return command.refuse("NOPERM this user has no permissions to run the '"
                    + new String(command.args.get(0), UTF_8) + "' command");
        }
        return scripts.apply(rules.apply(command));
    }

    private boolean isTooLarge(RestCommand command) {
        return command.refusal() != null && rules.tooLarge(command.bytes()) != null;
    }

    private List<Object> shown(List<?> replies) {
        return replies.stream().map(this::fitting).collect(Collectors.toList());
    }

    private @Nullable Object fitting(@Nullable Object reply) {
        String tooLarge = rules.tooLarge(ReplyWriter.size(reply));
        return tooLarge == null ? reply : new RespError(tooLarge);
    }

    private ReplyWriter writer(HttpRequest request) {
        boolean base64 = isBase64(request);
        return new ReplyWriter(base64, !base64 || settings.literalOk);
    }

    private static boolean isBase64(HttpRequest request) {
        return "base64".equalsIgnoreCase(request.header("upstash-encoding"));
    }

    private static boolean isResp2(HttpRequest request) {
        return "resp2".equals(request.header("upstash-response-format"));
    }

    private static HttpResponse error(int status, String text) {
        return HttpResponse.of(status, HttpResponse.JSON, new ReplyWriter(false, false).one(new RespError(text)));
    }

    private enum Access {
        NONE,
        READ_ONLY,
        FULL
    }

    private Access access(HttpRequest request) {
        byte[] token = token(request);
        if (MessageDigest.isEqual(token, settings.token.getBytes(UTF_8))) {
            return Access.FULL;
        }
        String readOnly = settings.readOnlyToken;
        return readOnly != null && MessageDigest.isEqual(token, readOnly.getBytes(UTF_8))
                ? Access.READ_ONLY
                : Access.NONE;
    }

    private static byte[] token(HttpRequest request) {
        for (String parameter : request.query().split("&", -1)) {
            if (parameter.startsWith("_token=")) {
                return RestRequestParser.percentDecoded(parameter.substring("_token=".length()));
            }
        }
        String header = request.header("authorization");
        return header != null && header.regionMatches(true, 0, "Bearer ", 0, 7)
                ? header.substring(7).strip().getBytes(UTF_8)
                : new byte[0];
    }

    private static HttpResponse preflight(HttpRequest request) {
        String headers = request.header("access-control-request-headers");
        return HttpResponse.empty(200)
                .with("access-control-allow-methods", "GET, HEAD, POST, PUT")
                .with("access-control-allow-headers", headers == null ? "*" : headers)
                .with("access-control-max-age", "86400");
    }

    private static HttpResponse cors(HttpRequest request, HttpResponse response) {
        String origin = request.header("origin");
        return origin == null
                ? response
                : response.with("access-control-allow-origin", origin)
                        .with("access-control-allow-credentials", "true")
                        .with("access-control-expose-headers", "upstash-sync-token");
    }
}

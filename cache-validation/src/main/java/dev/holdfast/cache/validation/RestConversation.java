package dev.holdfast.cache.validation;

import dev.holdfast.cache.TlsConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Over the REST interface of Upstash: a command is a JSON array. */
final class RestConversation implements Conversation {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final MediaType TYPE = MediaType.get("application/json");

    private final Target target;
    private final OkHttpClient http;

    RestConversation(Target target) {
        this.target = target;
        OkHttpClient.Builder client = new OkHttpClient.Builder()
                .followRedirects(false)
                .retryOnConnectionFailure(false)
                .connectTimeout(target.connect())
                .callTimeout(target.connect().plus(target.command()));
        TlsConfig tls = target.tls();
        if (tls != null) {
            client.sslSocketFactory(
                    tls.context().getSocketFactory(), Objects.requireNonNull(new OkHttpClient().x509TrustManager()));
            if (tls.verification() != TlsConfig.Verification.FULL) {
                client.hostnameVerifier((host, session) -> true);
            }
        }
        this.http = client.build();
    }

    @Override
    public @Nullable Object ask(String... words) {
        Request request = new Request.Builder()
                .url(String.valueOf(target.rest()))
                .header(
                        "Authorization",
                        "Bearer " + Objects.requireNonNull(target.password()).reveal())
                .post(RequestBody.create(JSON.writeValueAsBytes(words), TYPE))
                .build();
        try (Response response = http.newCall(request).execute()) {
            return answer(response.code(), response.body().string());
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(target.address() + " gave no answer: " + Reach.why(e), e));
        }
    }

    private @Nullable Object answer(int status, String body) throws IOException {
        JsonNode json;
        try {
            json = JSON.readTree(body);
        } catch (JacksonException e) {
            // Without its cause, which tells nobody more.
            throw new IOException("HTTP status " + status + " and no JSON: is that the address of a database?");
        }
        JsonNode error = json.get("error");
        if (error != null) {
            throw new RefusedException((status == 401 || status == 403 ? "WRONGPASS " : "") + error.asString());
        }
        JsonNode result = json.get("result");
        if (result == null) {
            throw new IOException("HTTP status " + status + " without a result: is that the address of a database?");
        }
        return plain(result);
    }

    private static @Nullable Object plain(JsonNode node) {
        if (node.isNull()) {
            return null;
        }
        if (node.isArray()) {
            return node.valueStream().map(RestConversation::plain).toList();
        }
        return node.isIntegralNumber() ? (Object) node.asLong() : node.asString();
    }

    @Override
    public void close() {
        http.dispatcher().executorService().shutdown();
        http.connectionPool().evictAll();
    }
}

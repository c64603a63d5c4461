package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.Socket;
import org.junit.jupiter.api.Test;

/** The peer that says what it is told to. */
class RespPeerTest {
    @Test
    void whatTheScriptSaysIsSentByteForByte() throws IOException {
        RespPeer.Script script = (command, caller) -> {
            switch (command.get(0)) {
                case "GET" -> caller.lines("$" + command.get(1).length(), command.get(1), ":too many");
                case "LATER" -> caller.bytes(new byte[] {1, 2});
                default -> caller.reset();
            }
        };
        try (RespPeer peer = RespPeer.start(script);
                Socket client = new Socket(Ports.loopback(), peer.port())) {
            send(client, "*2\r\n$3\r\nget\r\n$3\r\na\r\n\r\n*1\r\n$5\r\nLATER\r\n");

            assertEquals("$3\r\na\r\n\r\n:too many\r\n\1\2", read(client, 22));
            peer.push("+hello");
            assertEquals("+hello\r\n", read(client, 8));
            assertEquals(1, peer.connections());
        }
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(ISO_8859_1));
    }

    private static String read(Socket client, int bytes) throws IOException {
        return new String(client.getInputStream().readNBytes(bytes), ISO_8859_1);
    }
}

package dev.holdfast.cache.testkit;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import javax.crypto.Cipher;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/** Encrypts private keys as {@code openssl pkcs8 -topk8} does (PBES2 of RFC 8018). */
final class EncryptedKey {
    private static final String PBES2 = "1.2.840.113549.1.5.13";
    private static final String PBKDF2 = "1.2.840.113549.1.5.12";
    private static final String HMAC_SHA256 = "1.2.840.113549.2.9";
    private static final String AES256_CBC = "2.16.840.1.101.3.4.1.42";
    private static final int ROUNDS = 2_048;

    private EncryptedKey() {}

    /** The EncryptedPrivateKeyInfo of a key in PKCS #8. */
    static byte[] of(byte[] key, String password, SecureRandom random) throws GeneralSecurityException {
        byte[] salt = new byte[8];
        byte[] start = new byte[16];
        random.nextBytes(salt);
        random.nextBytes(start);
        byte[] secret = SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                .generateSecret(new PBEKeySpec(password.toCharArray(), salt, ROUNDS, 256))
                .getEncoded();
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(secret, "AES"), new IvParameterSpec(start));
        byte[] derivation = Der.sequence(
                Der.oid(PBKDF2),
                Der.sequence(
                        Der.octets(salt),
                        Der.integer(BigInteger.valueOf(ROUNDS)),
                        Der.sequence(Der.oid(HMAC_SHA256), Der.tagged(0x05))));
        byte[] encryption = Der.sequence(Der.oid(AES256_CBC), Der.octets(start));
        return Der.sequence(
                Der.sequence(Der.oid(PBES2), Der.sequence(derivation, encryption)), Der.octets(cipher.doFinal(key)));
    }
}

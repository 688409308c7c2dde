/* The openssl commands that make a CA certificate, and one that shows who has its key. The same as in
 * docs/device-certificates.md. */
export const CA_COMMANDS = `openssl genrsa -out CA.key 2048
openssl req -new -key CA.key -subj "/C=CN/ST=ZJ/L=HZ/O=Factory/OU=MQTT/CN=Factory CA" -out CA.csr
openssl x509 -req -in CA.csr -signkey CA.key -extfile /etc/ssl/openssl.cnf -extensions v3_ca -days 3650 -sha512 -out CA.crt`;

export function verificationCommands(code: string): string {
  return `openssl genrsa -out verificationCert.key 2048
openssl req -new -key verificationCert.key -subj "/CN=${code}" -out verificationCert.csr
openssl x509 -req -in verificationCert.csr -CA CA.crt -CAkey CA.key -CAcreateserial -days 300 -sha512 -out verificationCert.crt`;
}

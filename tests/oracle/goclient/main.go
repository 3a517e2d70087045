// Tells how client-go reads kubeconfigs: reads cases on standard input, one a line, and writes what
// it makes of each. It connects to nothing.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"log"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
)

type given struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

type answer struct {
	ID      int    `json:"id"`
	Takes   bool   `json:"takes"`
	Why     string `json:"why,omitempty"`
	Context string `json:"context,omitempty"`
	Server  string `json:"server,omitempty"`
	// The digests of the first certificate in each, in DER.
	CA          string `json:"ca,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Token       string `json:"token,omitempty"`
	// Fields of the current context that the driver does not read.
	Extras []string `json:"extras"`
}

func main() {
	klog.SetOutput(os.Stderr)
	klog.LogToStderr(false)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	write := json.NewEncoder(out)
	for in.Scan() {
		var one given
		if err := json.Unmarshal(in.Bytes(), &one); err != nil {
			log.Fatal(err)
		}
		if err := write.Encode(read(one)); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}

func read(one given) answer {
	told := answer{ID: one.ID, Extras: []string{}}
	config, err := clientcmd.Load([]byte(one.Text))
	if err != nil {
		told.Why = err.Error()
		return told
	}
	told.Context = config.CurrentContext
	told.Extras = extras(config)
	if config.CurrentContext == "" {
		told.Why = "no current context"
		return told
	}
	client, err := clientcmd.NewDefaultClientConfig(*config, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err == nil {
		_, err = rest.TLSConfigFor(client)
	}
	if err == nil {
		_, _, err = rest.DefaultServerUrlFor(client)
	}
	if err != nil {
		told.Why = err.Error()
		return told
	}
	told.Takes, told.Server, told.Token = true, client.Host, client.BearerToken
	told.CA, told.Certificate = digest(client.CAData), digest(client.CertData)
	return told
}

func digest(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	block, rest := pem.Decode(text)
	for block != nil && block.Type != "CERTIFICATE" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return "no PEM"
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

func extras(config *api.Config) []string {
	found := []string{}
	add := func(name string, is bool) {
		if is {
			found = append(found, name)
		}
	}
	context := config.Contexts[config.CurrentContext]
	if context == nil {
		return found
	}
	if one := config.Clusters[context.Cluster]; one != nil {
		add("certificate-authority", one.CertificateAuthority != "")
		add("insecure-skip-tls-verify", one.InsecureSkipTLSVerify)
		add("tls-server-name", one.TLSServerName != "")
		add("proxy-url", one.ProxyURL != "")
	}
	if one := config.AuthInfos[context.AuthInfo]; one != nil {
		add("client-certificate", one.ClientCertificate != "")
		add("client-key", one.ClientKey != "")
		add("tokenFile", one.TokenFile != "")
		add("username", one.Username != "" || one.Password != "")
		add("exec", one.Exec != nil)
		add("auth-provider", one.AuthProvider != nil)
		add("as", one.Impersonate != "" || one.ImpersonateUID != "" ||
			len(one.ImpersonateGroups)+len(one.ImpersonateUserExtra) > 0)
	}
	return found
}
